#pragma once

namespace mlir {

template <typename Op>
class OwningOpRef {
 public:
  Op* operator->() { return &op_; }

 private:
  Op op_;
};

}  // namespace mlir
