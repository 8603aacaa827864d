#include "train/training_session.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/parallel.h"
#include "base/signals.h"
#include "device/open_device.h"
#include "model/llama.h"
#include "model/llama_parameters.h"
#include "plan/pipeline.h"
#include "plan/plan.h"
#include "plan/training_plan.h"

namespace millwright::train {

namespace {

using Bindings = std::vector<std::pair<size_t, device::Surface>>;

const plan::EvaluateTask& evaluation_of(const plan::Plan& plan) {
  return std::get<plan::EvaluateTask>(plan.tasks.front().action);
}

void bind_masters(Bindings& bound, const std::vector<size_t>& inputs, size_t first, runtime::ParameterStore& store) {
  for (size_t i = 0; i < store.entries().size(); ++i) bound.emplace_back(inputs[first + i], store.master_surface(i));
}

std::string_view describe_non_finite(double value) { return std::isnan(value) ? "NaN" : "infinite"; }

}  // namespace

Result<std::unique_ptr<TrainingSession>> TrainingSession::create(const model::LlamaConfig& config,
                                                                 const SessionOptions& options,
                                                                 device::Device& device) {
  MW_TRY(model::validate(config));
  std::vector<runtime::ParameterSpecification> parameters;
  for (const model::ParameterDescription& parameter : model::parameters(config)) {
    parameters.push_back({parameter.name, parameter.shape, parameter.decay});
  }
  const auto contents = options.training ? runtime::StoreContents::training : runtime::StoreContents::weights_only;
  MW_ASSIGN(auto store, runtime::ParameterStore::create(parameters, contents));
  std::unique_ptr<TrainingSession> session(new TrainingSession(config, options, std::move(store)));
  session->loss_scale_.is_adaptive = options.loss_scale == 0 && !options.pipeline.empty();
  if (options.loss_scale > 0) session->loss_scale_.scale = options.loss_scale;
  if (options.loss_scale == 0 && options.pipeline.empty()) session->loss_scale_.scale = 1;
  const bool has_engine = options.training && !options.pipeline.empty();
  if (has_engine) {
    MW_ASSIGN(session->cpu_, device::open_device("cpu"));
    MW_TRY(session->build_pipeline(device));
  } else if (options.training) {
    MW_TRY(session->build_training(device));
  }
  if (options.validation) MW_TRY(session->build_validation(has_engine ? *session->cpu_ : device));
  return session;
}

Status TrainingSession::build_training(device::Device& device) {
  const bool accumulates = options_.accumulate > 1;
  MW_ASSIGN(auto step,
            model::build_training_step(
                config_, {.batch = options_.batch, .sequence = options_.sequence, .accumulate = accumulates}));
  plan::Plan plan = plan::whole_function_plan(std::move(step.function), plan::PlanPurpose::training);
  const plan::EvaluateTask& task = evaluation_of(plan);
  tokens_ = task.inputs[step.tokens_input];
  targets_ = task.inputs[step.targets_input];
  loss_ = task.outputs[step.loss_result];
  loss_scale_surface_ = task.inputs[step.loss_scale_input];
  Bindings bound;
  bind_masters(bound, task.inputs, step.first_parameter_input, store_);
  // Without accumulation the results overwrite the store's gradients; with it, each aliases the input it adds to.
  for (size_t i = 0; i < step.parameter_count; ++i) {
    bound.emplace_back(task.outputs[step.first_gradient_result + i], store_.gradient_surface(i));
  }
  MW_ASSIGN(training_, runtime::ScheduleRunner::create(std::move(plan), device, &store_, std::move(bound),
                                                       {.profile = options_.profile}));
  return {};
}

// A step of the engine takes one sequence, so a batch is that many steps.
Status TrainingSession::build_pipeline(device::Device& engine) {
  MW_ASSIGN(const plan::Pipeline pipeline, plan::make_pipeline(options_.pipeline, options_.attention));
  MW_ASSIGN(auto step, model::build_training_step(
                           config_, {.batch = 1, .sequence = options_.sequence, .accumulate = steps_per_update() > 1}));
  MW_ASSIGN(plan::TrainingPlan planned, plan::plan_training(*step.function, pipeline));
  tokens_ = step.tokens_input;
  targets_ = step.targets_input;
  loss_ = planned.results[step.loss_result];
  Bindings bound;
  for (size_t i = 0; i < step.parameter_count; ++i) {
    bound.emplace_back(step.first_parameter_input + i, store_.master_surface(i));
    bound.emplace_back(planned.results[step.first_gradient_result + i], store_.gradient_surface(i));
  }
  MW_ASSIGN(training_, runtime::ScheduleRunner::create(std::move(planned.plan), *cpu_, &store_, std::move(bound),
                                                       {.profile = options_.profile, .engine = &engine}));
  loss_scale_surface_ = step.loss_scale_input;
  return {};
}

Status TrainingSession::build_validation(device::Device& device) {
  MW_ASSIGN(auto evaluation,
            model::build_evaluation(config_, {.batch = options_.batch, .sequence = options_.sequence}));
  plan::Plan plan = plan::whole_function_plan(std::move(evaluation.function), plan::PlanPurpose::inference);
  const plan::EvaluateTask& task = evaluation_of(plan);
  validation_tokens_ = task.inputs[evaluation.tokens_input];
  validation_targets_ = task.inputs[evaluation.targets_input];
  validation_loss_ = task.outputs[evaluation.loss_result];
  Bindings bound;
  bind_masters(bound, task.inputs, evaluation.first_parameter_input, store_);
  MW_ASSIGN(validation_, runtime::ScheduleRunner::create(std::move(plan), device, nullptr, std::move(bound)));
  return {};
}

void TrainingSession::initialize(uint64_t seed) {
  const auto parameters = model::parameters(config_);
  parallel_for(static_cast<int64_t>(parameters.size()), [&](int64_t index) {
    const auto i = static_cast<size_t>(index);
    model::initialize(parameters[i], seed, store_.master(i));
  });
  if (!options_.training) return;
  if (loss_scale_.is_adaptive) loss_scale_ = {};
  store_.clear_training_state();
  training_->weights_changed();
}

void TrainingSession::set_loss_scale(double scale, int64_t quiet) {
  if (!loss_scale_.is_adaptive) return;
  loss_scale_.scale = scale;
  loss_scale_.quiet = quiet;
}

// The steps of an update; their mean loss.
Result<double> TrainingSession::run_steps(int64_t update, FillBatch fill) {
  double mean = 0;
  const int64_t sequences_per_step = options_.pipeline.empty() ? options_.batch : 1;
  const int64_t steps = steps_per_update();
  const auto step_size = static_cast<size_t>(sequences_per_step * options_.sequence);
  std::vector<int32_t> tokens(static_cast<size_t>(options_.batch * options_.sequence));
  std::vector<int32_t> targets(tokens.size());
  // The steps' gradients add up to the gradient of the mean loss.
  training_->set_scalar(loss_scale_surface_, static_cast<float>(loss_scale_.scale / static_cast<double>(steps)));
  training_->reset_largest_gradient();
  for (int64_t step = 0; step < steps; ++step) {
    if (interrupted()) return fail(ErrorKind::interrupted, "update {}: interrupted", update);
    const size_t begin = static_cast<size_t>(step) * step_size % tokens.size();
    if (trace_ != nullptr) trace_->begin_step(step);
    if (begin == 0) {
      const auto start = runtime::TraceRecorder::Clock::now();
      fill(step * sequences_per_step / options_.batch, tokens, targets);
      if (trace_ != nullptr) trace_->record("batch", runtime::Queue::cpu, start);
    }
    std::ranges::copy_n(tokens.begin() + static_cast<ptrdiff_t>(begin), static_cast<ptrdiff_t>(step_size),
                        training_->surface(tokens_).as<int32_t>().begin());
    std::ranges::copy_n(targets.begin() + static_cast<ptrdiff_t>(begin), static_cast<ptrdiff_t>(step_size),
                        training_->surface(targets_).as<int32_t>().begin());
    MW_TRY(training_->run_step());
    const double loss = training_->scalar(loss_);
    if (!std::isfinite(loss)) {
      return fail(ErrorKind::numeric, "update {}: the loss is {}; try a lower learning rate or a smaller clip", update,
                  describe_non_finite(loss));
    }
    mean += loss / static_cast<double>(steps);
  }
  return mean;
}

Result<UpdateResult> TrainingSession::update(const runtime::UpdateSettings& settings, FillBatch fill) {
  MW_CHECK(training_ != nullptr, "update() of a session that only validates");
  while (true) {
    UpdateResult result;
    MW_ASSIGN(result.loss, run_steps(settings.update, fill));
    if (!LossScale::is_overflow(training_->largest_gradient())) {
      runtime::UpdateSettings scaled = settings;
      scaled.clear_gradients = steps_per_update() > 1;
      scaled.gradient_scale = 1 / loss_scale_.scale;
      if (trace_ != nullptr) trace_->end_steps();
      auto report = training_->run_update(scaled);
      if (report) {
        loss_scale_.follow(training_->largest_gradient());
        result.gradient_norm = report->gradient_norm;
        return result;
      }
      if (report.error().kind != ErrorKind::numeric || !loss_scale_.shrink_after_overflow())
        return forward_error(report);
    } else if (!loss_scale_.shrink_after_overflow()) {
      return fail(ErrorKind::numeric,
                  "update {}: gradients reach {} on the engine, whose products end at {}; try a smaller --loss-scale",
                  settings.update, training_->largest_gradient(), LossScale::kLimit);
    }
    store_.clear_gradients();
  }
}

Result<double> TrainingSession::validate(int64_t batches, FillBatch fill) {
  MW_CHECK(validation_ != nullptr && batches > 0, "validate() on {} batches", batches);
  double sum = 0;
  for (int64_t batch = 0; batch < batches; ++batch) {
    if (interrupted())
      return fail(ErrorKind::interrupted, "validation: interrupted after {} of {} batches", batch, batches);
    fill(batch, validation_->surface(validation_tokens_).as<int32_t>(),
         validation_->surface(validation_targets_).as<int32_t>());
    MW_TRY(validation_->run_step());
    sum += validation_->scalar(validation_loss_);
  }
  return sum / static_cast<double>(batches);
}

void TrainingSession::record_into(runtime::TraceRecorder* trace) {
  trace_ = trace;
  training_->record_into(trace);
}

std::vector<runtime::PhaseTime> TrainingSession::phases() const {
  return training_ ? training_->phases() : std::vector<runtime::PhaseTime>();
}

std::vector<cpu::ProfileEntry> TrainingSession::profile() const {
  return training_ ? training_->profile() : std::vector<cpu::ProfileEntry>();
}

int64_t TrainingSession::bytes() const {
  int64_t bytes = store_.bytes();
  for (const auto* runner : {training_.get(), validation_.get()}) {
    if (runner != nullptr) bytes += runner->bytes();
  }
  return bytes;
}

}  // namespace millwright::train
