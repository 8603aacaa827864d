// The update pass: one optimizer application over the parameter store. Gradient norm, clipping and AdamW with decoupled
// decay (Loshchilov and Hutter, 2019). Equal bits at any thread count.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "runtime/parameter_store.h"

namespace millwright::runtime {

struct UpdateSettings {
  double learning_rate = 0;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0;       // for entries with `decay` only
  double clip = 0;               // the largest global gradient norm; 0 for no clipping
  double gradient_scale = 1;     // what the gradients in the store are multiplied with first: 1 / loss scale
  int64_t update = 1;            // counted from 1, for the bias corrections
  bool clear_gradients = false;  // zero them behind the sweep, for steps that add to them
};

struct UpdateReport {
  double gradient_norm = 0;  // scaled, before clipping
  double clip_factor = 1;
};

// The norm of all gradients together, summed in the order of the entries in fp64.
double gradient_norm(const ParameterStore& store);

// Fails, with nothing changed, where the norm is not finite; the message names the update and the first such gradient.
Result<UpdateReport> update_pass(ParameterStore& store, const UpdateSettings& settings);

}  // namespace millwright::runtime
