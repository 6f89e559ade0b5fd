// The names of MLIR that XLA's headers and crate `xla` mention; the wheel has neither MLIR's headers nor a use for them
// here, as programs come as HLO. A module is as large as a pointer, so that functions which take one keep their calling
// convention.
#pragma once

#include "llvm/Support/raw_ostream.h"

namespace mlir {

class Operation;

class ModuleOp {
 public:
  void print(llvm::raw_string_ostream&) {}

 private:
  Operation* operation_ = nullptr;
};

}  // namespace mlir
