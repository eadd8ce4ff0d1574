// SPDX-License-Identifier: MIT
// The context ABI over Boost.Context, for targets without an assembly file of ours and as a cross-check. Floor 1.
#include "fiber/context/context.hpp"

#include <boost/context/detail/fcontext.hpp>

#include <bit>
#include <type_traits>

namespace coir {
namespace {

namespace detail = boost::context::detail;

// Both sides are called from assembly only, which passes two pointers and knows no types. Where that holds, the
// function types differ in name alone.
static_assert(std::is_standard_layout_v<transfer> && std::is_standard_layout_v<detail::transfer_t>);
static_assert(sizeof(transfer) == sizeof(detail::transfer_t));
static_assert(std::is_same_v<detail::fcontext_t, context>);
using boost_entry = void (*)(detail::transfer_t);
using boost_hook = detail::transfer_t (*)(detail::transfer_t);

} // namespace

extern "C" context coir_make_context(void* base, std::size_t size_bytes,
                                     context_entry entry) noexcept {
  return detail::make_fcontext(base, size_bytes, std::bit_cast<boost_entry>(entry));
}

extern "C" transfer coir_jump_context(context to, void* argument) {
  const detail::transfer_t back = detail::jump_fcontext(to, argument);
  return {back.fctx, back.data};
}

extern "C" transfer coir_ontop_context(context to, void* argument, context_hook hook) {
  const detail::transfer_t back =
      detail::ontop_fcontext(to, argument, std::bit_cast<boost_hook>(hook));
  return {back.fctx, back.data};
}

} // namespace coir
