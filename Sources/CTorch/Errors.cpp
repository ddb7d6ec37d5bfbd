// Error scopes: the first failure of a scope is kept, per thread.
#include <cstring>
#include <sstream>

#include "Support.h"

namespace {

struct Scopes {
  /// The first error of each open scope; empty means none.
  std::vector<std::string> first;
  std::string last;
};

thread_local Scopes scopes;

}  // namespace

void ctorch::record_error(const char *name, std::initializer_list<CTorchTensor> inputs, const char *what) noexcept {
  try {
    std::ostringstream text;
    text << name << "(";
    const char *separator = "";
    for (CTorchTensor input : inputs) {
      if (!input) continue;
      text << separator << input->value.sizes() << " " << c10::toString(input->value.scalar_type());
      separator = ", ";
    }
    // libtorch's messages go on with advice and stack frames; the first line says what is wrong.
    std::string message(what);
    message = message.substr(0, std::min<size_t>(message.find('\n'), 400));
    text << "): " << message;
    scopes.last = text.str();
    if (!scopes.first.empty() && scopes.first.back().empty()) scopes.first.back() = scopes.last;
  } catch (...) {
    // Out of memory while describing an error: the failing status alone has to do.
  }
}

extern "C" {

void ctorch_scope_enter(void) { scopes.first.emplace_back(); }

char *ctorch_scope_leave(void) {
  if (scopes.first.empty()) return nullptr;
  std::string text = std::move(scopes.first.back());
  scopes.first.pop_back();
  return text.empty() ? nullptr : strdup(text.c_str());
}

bool ctorch_scope_active(void) { return !scopes.first.empty(); }

const char *ctorch_last_error(void) { return scopes.last.c_str(); }

void ctorch_string_free(char *text) { free(text); }
}
