// What libtorch's ProcessGroupGloo.hpp must know of Gloo's types to be read by a compiler.
//
// The wheel of libtorch has Gloo's code but not its headers. Lienzo calls ProcessGroupGloo only, through functions that
// libtorch_cpu exports, and never makes or looks into one of these types, so their names and the few members that the
// header mentions are enough.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

namespace transport {
class Device;
class UnboundBuffer;
}  // namespace transport

namespace rendezvous {
class Store {
 public:
  virtual ~Store();
  virtual void set(const std::string &key, const std::vector<char> &data) = 0;
  virtual std::vector<char> get(const std::string &key) = 0;
  virtual void wait(const std::vector<std::string> &keys) = 0;
  virtual void wait(const std::vector<std::string> &keys, const std::chrono::milliseconds &timeout) = 0;
};
}  // namespace rendezvous

}  // namespace gloo
