#!/usr/bin/env python3
"""Makes the golden files of this folder with PyTorch, from a Llama written here for that purpose alone.

    python3 tests/golden/make_golden.py [OUTPUT_FOLDER]

needs python3-torch (1.13 or newer) and numpy; Debian: apt install python3-torch. Without OUTPUT_FOLDER it rewrites the
files beside the script. The computation is fp64 from fp32 weights, so that differences are those of the tested code;
results are stored as fp32. Running it again gives the same values up to the last bit of fp64 sums.

    NAME.config.json      the configuration, in Hugging Face's Llama convention
    NAME.safetensors      tokens, targets [B, S], parameters.*, loss, token_losses [B, S], logits [B, S, V], gradients.*
    trajectory.safetensors  20 updates of AdamW from the parameters of gqa_tied: tokens, targets [U, A, B, S],
                          learning_rates, losses, gradient_norms [U] and final.*; hyperparameters in the metadata

The model: RMSNorm, rotary embedding of half-split heads, grouped-query attention, SwiGLU; layout [B, S, C].
"""
import json
import math
import pathlib
import struct
import sys

import numpy
import torch

CONFIGS = {
    # Multi-head attention, a classifier of its own.
    "mha_untied": dict(vocab_size=40, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
                       num_key_value_heads=3, head_dim=8, max_position_embeddings=16, rms_norm_eps=1e-5,
                       rope_theta=10000.0, tie_word_embeddings=False),
    # Two query heads per key-value head, heads wider than hidden_size / num_attention_heads, classifier tied.
    "gqa_tied": dict(vocab_size=48, hidden_size=32, intermediate_size=56, num_hidden_layers=2, num_attention_heads=4,
                     num_key_value_heads=2, head_dim=12, max_position_embeddings=12, rms_norm_eps=1e-6,
                     rope_theta=500.0, tie_word_embeddings=True),
}
BATCH, SEQUENCE = 2, 11

UPDATES, ACCUMULATE, WARMUP = 20, 2, 4  # some updates are clipped by CLIP, some not
PEAK_RATE, FINAL_RATE = 1e-2, 1e-3
BETAS, EPSILON, DECAY, CLIP = (0.9, 0.95), 1e-8, 0.1, 3.0


def make_parameters(config, generator):
    """Wide enough that every path matters: a product of a unit vector has variance about one."""
    dim, hidden, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    shapes = {"model.embed_tokens.weight": (config["vocab_size"], dim)}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        shapes[prefix + "input_layernorm.weight"] = (dim,)
        shapes[prefix + "self_attn.q_proj.weight"] = (queries, dim)
        shapes[prefix + "self_attn.k_proj.weight"] = (keys, dim)
        shapes[prefix + "self_attn.v_proj.weight"] = (keys, dim)
        shapes[prefix + "self_attn.o_proj.weight"] = (dim, queries)
        shapes[prefix + "post_attention_layernorm.weight"] = (dim,)
        shapes[prefix + "mlp.gate_proj.weight"] = (hidden, dim)
        shapes[prefix + "mlp.up_proj.weight"] = (hidden, dim)
        shapes[prefix + "mlp.down_proj.weight"] = (dim, hidden)
    shapes["model.norm.weight"] = (dim,)
    if not config["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (config["vocab_size"], dim)
    parameters = {}
    for name, shape in shapes.items():
        values = generator.standard_normal(shape)
        values = 1.0 + 0.2 * values if len(shape) == 1 else values / math.sqrt(shape[1])
        parameters[name] = torch.tensor(values.astype(numpy.float32), dtype=torch.float64, requires_grad=True)
    return parameters


def rms_norm(x, weight, epsilon):
    return weight * x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + epsilon)


def rotate(x, theta):
    """x [B, S, H, D]; the pair (i, i + D/2) turns by position · theta^(-2i/D)."""
    sequence, head = x.shape[1], x.shape[3]
    frequencies = theta ** (-torch.arange(0, head, 2, dtype=torch.float64) / head)
    angles = torch.arange(sequence, dtype=torch.float64)[:, None] * frequencies[None, :]
    cosine, sine = angles.cos()[None, :, None, :], angles.sin()[None, :, None, :]
    first, second = x[..., : head // 2], x[..., head // 2 :]
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)


def attention(x, weights, prefix, config):
    batch, sequence, _ = x.shape
    heads, kv_heads, head = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]

    def project(name, count):
        return (x @ weights[prefix + name + ".weight"].T).view(batch, sequence, count, head)

    q = rotate(project("q_proj", heads), config["rope_theta"])
    k = rotate(project("k_proj", kv_heads), config["rope_theta"])
    v = project("v_proj", kv_heads)
    k, v = (t.repeat_interleave(heads // kv_heads, dim=2) for t in (k, v))
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(head)
    hidden = torch.ones(sequence, sequence, dtype=torch.bool).triu(1)
    probabilities = scores.masked_fill(hidden, -math.inf).softmax(-1)
    mixed = torch.einsum("bhqk,bkhd->bqhd", probabilities, v).reshape(batch, sequence, heads * head)
    return mixed @ weights[prefix + "o_proj.weight"].T


def feed_forward(x, weights, prefix):
    gate, up, down = (weights[f"{prefix}{name}_proj.weight"] for name in ("gate", "up", "down"))
    return (torch.nn.functional.silu(x @ gate.T) * (x @ up.T)) @ down.T


def forward(tokens, weights, config):
    epsilon = config["rms_norm_eps"]
    x = weights["model.embed_tokens.weight"][tokens]
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        x = x + attention(rms_norm(x, weights[prefix + "input_layernorm.weight"], epsilon), weights,
                          prefix + "self_attn.", config)
        x = x + feed_forward(rms_norm(x, weights[prefix + "post_attention_layernorm.weight"], epsilon), weights,
                             prefix + "mlp.")
    x = rms_norm(x, weights["model.norm.weight"], epsilon)
    classifier = "model.embed_tokens.weight" if config["tie_word_embeddings"] else "lm_head.weight"
    return x @ weights[classifier].T


def token_losses(logits, targets):
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)


def write_safetensors(path, tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = {key: str(value) for key, value in metadata.items()}
    for name, tensor in tensors.items():
        values = numpy.ascontiguousarray(torch.as_tensor(tensor).detach().numpy().astype("<f4"))
        header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": [len(data), len(data) + values.nbytes]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def random_tokens(generator, config, shape):
    return torch.tensor(generator.integers(0, config["vocab_size"], shape))


def write_gradients(folder, name, parameters, generator):
    config = CONFIGS[name]
    tokens = random_tokens(generator, config, (BATCH, SEQUENCE))
    targets = random_tokens(generator, config, (BATCH, SEQUENCE))
    logits = forward(tokens, parameters, config)
    losses = token_losses(logits, targets)
    losses.mean().backward()
    tensors = {"tokens": tokens, "targets": targets, "loss": losses.mean(), "token_losses": losses, "logits": logits}
    tensors.update({"parameters." + key: value for key, value in parameters.items()})
    tensors.update({"gradients." + key: value.grad for key, value in parameters.items()})
    write_safetensors(folder / f"{name}.safetensors", tensors)
    full = dict(architectures=["LlamaForCausalLM"], model_type="llama", torch_dtype="float32", hidden_act="silu",
                bos_token_id=1, eos_token_id=2, **config)
    (folder / f"{name}.config.json").write_text(json.dumps(full, indent=2) + "\n")


def learning_rate(update):
    """Linear warm-up to the peak, reached with update WARMUP - 1, then a half cosine that would reach the final rate
    with update UPDATES; updates count from 0."""
    if update < WARMUP:
        return PEAK_RATE * (update + 1) / WARMUP
    progress = (update - WARMUP) / (UPDATES - WARMUP)
    return FINAL_RATE + 0.5 * (PEAK_RATE - FINAL_RATE) * (1 + math.cos(math.pi * progress))


def write_trajectory(folder, name, parameters, generator):
    """Each update averages the gradients of ACCUMULATE steps, clips them by their global norm and applies AdamW."""
    config = CONFIGS[name]
    shape = (UPDATES, ACCUMULATE, BATCH, SEQUENCE)
    tokens = random_tokens(generator, config, shape)
    targets = (tokens * 5 + 3) % config["vocab_size"]  # can be learned, so that the loss falls
    weights = {key: value.detach().clone().requires_grad_() for key, value in parameters.items()}
    optimizer = torch.optim.AdamW([
        {"params": [w for w in weights.values() if w.dim() > 1], "weight_decay": DECAY},
        {"params": [w for w in weights.values() if w.dim() <= 1], "weight_decay": 0.0},
    ], lr=PEAK_RATE, betas=BETAS, eps=EPSILON)
    rates, losses, norms = [], [], []
    for update in range(UPDATES):
        rates.append(learning_rate(update))
        for group in optimizer.param_groups:
            group["lr"] = rates[-1]
        optimizer.zero_grad()
        losses.append(0.0)
        for step in range(ACCUMULATE):
            loss = token_losses(forward(tokens[update, step], weights, config), targets[update, step]).mean()
            (loss / ACCUMULATE).backward()
            losses[-1] += loss.item() / ACCUMULATE
        norms.append(torch.nn.utils.clip_grad_norm_(weights.values(), CLIP).item())
        optimizer.step()
    tensors = {"tokens": tokens, "targets": targets, "learning_rates": torch.tensor(rates),
               "losses": torch.tensor(losses), "gradient_norms": torch.tensor(norms)}
    tensors.update({"final." + key: value for key, value in weights.items()})
    metadata = dict(configuration=name, updates=UPDATES, accumulate=ACCUMULATE, warmup=WARMUP, peak_rate=PEAK_RATE,
                    final_rate=FINAL_RATE, beta1=BETAS[0], beta2=BETAS[1], epsilon=EPSILON, weight_decay=DECAY,
                    clip=CLIP)
    write_safetensors(folder / "trajectory.safetensors", tensors, metadata)
    print("losses", [round(loss, 3) for loss in losses])
    print("gradient norms", [round(norm, 3) for norm in norms])


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    folder.mkdir(parents=True, exist_ok=True)
    generator = numpy.random.default_rng(20240229)
    for name, config in CONFIGS.items():
        parameters = make_parameters(config, generator)
        write_gradients(folder, name, parameters, generator)
    write_trajectory(folder, "gqa_tied", parameters, generator)


if __name__ == "__main__":
    main()
