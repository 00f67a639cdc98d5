// Equality of what C++ tests assert, decided here and not by operators that the program under test declares.
//
// `assert(f(2) == std::vector<long>({4}))` means, by the language's rules, the best operator== in sight: one
// that the program wrote for std::vector would come first, and might say yes to everything. This file is
// read before the program. In its templates only operators of the types' own namespaces are found, so that
// the program's are seen for its own types alone; containers, pairs and optionals are taken apart to their
// elements. NAMESPACE and LEFT are replaced by new names for every program, so that nothing can be added
// to the one, and no macro put in the place of the other.

#include <type_traits>

namespace NAMESPACE {

template <class A, class B> bool same(const A &a, const B &b);

template <class T> constexpr bool is_of_library() {
  const char *text = __PRETTY_FUNCTION__;
  for (; *text; text++)
    if (text[0] == 'T' && text[1] == ' ' && text[2] == '=')
      return text[4] == 's' && text[5] == 't' && text[6] == 'd' && text[7] == ':';
  return false;
}

// Overloads are tried from the highest rank down; the first whose expressions compile is taken.
struct Rank0 {};
struct Rank1 : Rank0 {};
struct Rank2 : Rank1 {};
struct Rank3 : Rank2 {};

template <class T> constexpr std::false_type hashed(...);
template <class T> constexpr std::true_type hashed(typename T::hasher *);

template <class T> constexpr std::false_type plain(...);
template <class T> constexpr std::enable_if_t<std::is_arithmetic<T>::value, std::true_type> plain(int);
template <class T> constexpr std::enable_if_t<is_of_library<T>(), std::true_type> plain(int);

template <class A, class B>
auto compare(const A &a, const B &b, Rank3)
    -> std::enable_if_t<!decltype(hashed<A>(nullptr))::value && !decltype(hashed<B>(nullptr))::value,
                        decltype(++a.begin(), *a.end(), a.size(), ++b.begin(), *b.end(), b.size(), true)> {
  if (static_cast<unsigned long long>(a.size()) != static_cast<unsigned long long>(b.size())) return false;
  auto left = a.begin();
  auto right = b.begin();
  for (auto end = b.end(); right != end; ++left, ++right)
    if (!same(*left, *right)) return false;
  return true;
}

template <class A, class B>
auto compare(const A &a, const B &b, Rank2) -> decltype(a.first, a.second, b.first, b.second, true) {
  return same(a.first, b.first) && same(a.second, b.second);
}

template <class A, class B>
auto compare(const A &a, const B &b, Rank1) -> decltype(*a, a.has_value(), *b, b.has_value(), true) {
  return a.has_value() == b.has_value() && (!b.has_value() || same(*a, *b));
}

// A class of the program against a value that the tests name: what it converts to, if it does, is compared.
template <class A, class B> bool as_value(const A &a, const B &b, std::true_type) {
  return same(static_cast<B>(a), b);
}
template <class A, class B> bool as_value(const A &, const B &, std::false_type) { return false; }

template <class A, class B> bool with_operator(const A &a, const B &b, std::false_type) {
  return static_cast<bool>(a == b);
}
template <class A, class B> bool with_operator(const A &a, const B &b, std::true_type) {
  return as_value(a, b, std::is_convertible<const A &, B>());
}

template <class A, class B> bool compare(const A &a, const B &b, Rank0) {
  using Foreign = std::integral_constant<bool, std::is_class<A>::value && !is_of_library<A>() &&
                                                   decltype(plain<B>(0))::value>;
  return with_operator(a, b, Foreign());
}

template <class A, class B> bool same(const A &a, const B &b) { return compare(a, b, Rank3()); }

// The left side of a comparison. `LEFT() << a == b` is `(LEFT() << a) == b`, since << binds closer.
template <class T> struct Captured {
  T &&value;
  explicit operator bool() const { return static_cast<bool>(value); }
  template <class R> bool operator==(R &&right) const { return same(value, right); }
  template <class R> bool operator!=(R &&right) const { return !same(value, right); }
  template <class R> bool operator<(R &&right) const { return static_cast<bool>(value < right); }
  template <class R> bool operator>(R &&right) const { return static_cast<bool>(value > right); }
  template <class R> bool operator<=(R &&right) const { return static_cast<bool>(value <= right); }
  template <class R> bool operator>=(R &&right) const { return static_cast<bool>(value >= right); }
  template <class R> auto operator&(R &&right) const { return value & right; }
  template <class R> auto operator|(R &&right) const { return value | right; }
  template <class R> auto operator^(R &&right) const { return value ^ right; }
};

struct LEFT {
  template <class T> Captured<T> operator<<(T &&value) const { return {static_cast<T &&>(value)}; }
};

} // namespace NAMESPACE
