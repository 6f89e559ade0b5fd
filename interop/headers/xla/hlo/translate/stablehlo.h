// In place of the wheel's header: the conversion needs MLIR, which the wheel does not expose.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "xla/service/hlo.pb.h"

namespace xla {

inline absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> ConvertHloToStablehlo(mlir::MLIRContext&,
                                                                              const HloModuleProto*) {
  return absl::UnimplementedError("this build of XLA does not convert HLO to StableHLO");
}

}  // namespace xla
