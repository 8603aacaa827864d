// What every backend offers: a device compiles a program to an executable, an executable binds surfaces to a request, a
// request evaluates. Backends are siblings in this folder (cpu/); open_device.h finds one by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ane/chip_profile.h"
#include "ane/qos.h"
#include "base/result.h"
#include "cpu/executor.h"
#include "device/surface.h"
#include "mil/blob/weight_files.h"
#include "mil/ir.h"

namespace millwright::device {

// An input or result of an executable.
struct Port {
  std::string name;
  mil::Type type;                       // of a state: that of the tensor inside
  std::optional<size_t> aliased_input;  // of a result: it is stored into the surface bound to this input
  bool is_state = false;                // an input that an evaluation reads and updates in its surface
};

// One executable with its surfaces. The surfaces' memory must outlive it.
class Request {
 public:
  virtual ~Request() = default;
  // Reads the input surfaces, writes the result surfaces and updates those of states. One evaluation at a time per
  // executable.
  virtual Status evaluate() = 0;
  // What an evaluation with these surfaces gets wrong without an error, one line each.
  virtual std::vector<std::string> warnings() const { return {}; }
};

class Executable {
 public:
  virtual ~Executable() = default;

  // In the order of the function's inputs and results.
  std::span<const Port> inputs() const { return inputs_; }
  std::span<const Port> outputs() const { return outputs_; }

  // Makes the program resident, or gives its place up. bind() needs a loaded executable.
  virtual Status load() = 0;
  virtual Status unload() = 0;
  virtual bool is_loaded() const = 0;

  // Fails where a count or type does not match, where a result that aliases an input has other memory than it, or where
  // two surfaces overlap that must not. A device has any number of requests per executable. The emulated engine looks
  // at sizes alone, and only when a request evaluates.
  Result<std::unique_ptr<Request>> bind(std::span<Surface* const> inputs, std::span<Surface* const> outputs);

  // Bytes that a surface for this port needs.
  virtual int64_t surface_bytes(const Port& port) const { return port.type.bytes(); }

  // Memory beside the surfaces, and time per operation (empty unless compiled with profile).
  virtual cpu::MemoryReport memory() const = 0;
  virtual std::vector<cpu::ProfileEntry> profile() const = 0;

  // What the device gets wrong in this program without an error, one line each.
  virtual std::vector<std::string> warnings() const { return {}; }

 protected:
  Executable(std::string name, std::vector<Port> inputs, std::vector<Port> outputs)
      : name_(std::move(name)), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}
  // Whether surfaces fit ports of one kind ("input" or "result"); their number is right already.
  virtual Status check_surfaces(std::string_view what, std::span<const Port> ports,
                                std::span<Surface* const> surfaces) const;
  // Called with surfaces that fit.
  virtual Result<std::unique_ptr<Request>> make_request(std::span<Surface* const> inputs,
                                                        std::span<Surface* const> outputs) = 0;
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
};

// A weight file that a program refers to, in memory. Its bytes must live as long as the call that it is given to.
struct WeightFile {
  std::string path;  // as BLOBFILE names it: "@model_path/weights/weight.bin"
  std::span<const std::byte> bytes;
};

struct CompileOptions {
  std::string function = "main";             // the function of the program that becomes the executable
  bool profile = false;                      // measure every operation
  std::span<const WeightFile> weights = {};  // for constants that are not inline
  // With what urgency the device compiles, loads and evaluates the program, if it has classes of service.
  ane::Qos qos = ane::Qos::standard;
};

// Time and energy of a device, counted from a start of its own: only differences tell anything.
struct DeviceClock {
  double seconds = 0;
  std::optional<double> joules;  // nothing: the device does not measure energy
  bool is_predicted = false;     // virtual: by a cost model, not measured
};

// Absent numbers are unlimited.
struct Limits {
  std::optional<int64_t> compile_budget_left;  // programs that this process may still compile
  std::optional<int64_t> resident_programs;    // executables loaded at a time
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string_view name() const = 0;
  // The program may go after the call. Fails with the operation and the rule that it breaks.
  virtual Result<std::unique_ptr<Executable>> compile(const mil::Program& program, const CompileOptions& options) = 0;
  // A program with the text of the donor's and other weights, ready to be loaded without a compile where the device can
  // do that (C25).
  virtual Result<std::unique_ptr<Executable>> compile_seeded(const Executable& donor, const mil::Program& program,
                                                             const CompileOptions& options);
  virtual Limits limits() const = 0;

  // The time that the device goes by: this machine's, unless it has a virtual one.
  virtual DeviceClock clock() const;
  // The engine that this device is or imitates; none where there is no engine.
  virtual const ane::ChipProfile* chip() const { return nullptr; }
  // Whether CompileOptions::qos means anything to it.
  virtual bool has_qos() const { return false; }
};

// The ports of a function, for backends.
std::vector<Port> input_ports(const mil::Function& function);
std::vector<Port> output_ports(const mil::Function& function);

// The weight files of a call, for backends.
mil::WeightFiles weight_files(const CompileOptions& options);

// The named function, or an error that lists those the program has.
Result<const mil::Function*> find_function(const mil::Program& program, const std::string& name);

}  // namespace millwright::device
