// The part of LLVM's streams that crate `xla` names. The wheel has neither LLVM's headers nor its symbols.
#pragma once

#include <string>

namespace llvm {

class raw_string_ostream {
 public:
  explicit raw_string_ostream(std::string&) {}
  void flush() {}
};

}  // namespace llvm
