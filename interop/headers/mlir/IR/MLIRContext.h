#pragma once

namespace mlir {

class MLIRContext {};

}  // namespace mlir
