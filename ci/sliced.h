// SPDX-License-Identifier: Apache-2.0
//
// What generated bit-sliced C++ (ci/slices.py) is made of: a vector of bits, as wide as the
// processor has, and functions of up to three of them.
#pragma once

#include <cstdint>
#include <cstring>
#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int SLICES = 512;
#elif defined(__AVX2__)
constexpr int SLICES = 256;
#else
constexpr int SLICES = 128;
#endif

/// A bit of each simulation.
typedef uint64_t V __attribute__((vector_size(SLICES / 8)));

inline V ones() { return ~V{}; }

/// Is a bit set in any simulation?
inline bool any(V a) {
#if defined(__AVX512F__)
    return _mm512_test_epi64_mask((__m512i)a, (__m512i)a) != 0;
#elif defined(__AVX2__)
    return !_mm256_testz_si256((__m256i)a, (__m256i)a);
#else
    return (a[0] | a[1]) != 0;
#endif
}

/// The function of one net whose value for x is bit x of T.
template <int N, unsigned T>
inline V lut(V a) {
    if constexpr (T == 0) return V{};
    else if constexpr (T == 3) return ones();
    else return T == 1 ? ~a : a;
}

/// The same of two nets, a above b.
template <int N, unsigned T>
inline V lut(V a, V b) {
    constexpr unsigned hi = T >> 2, lo = T & 3;
    if constexpr (hi == lo) return lut<1, lo>(b);
    else if constexpr (hi == (lo ^ 3)) return lo == 0 ? a : lo == 3 ? ~a : a ^ lut<1, lo>(b);
    else if constexpr (lo == 0) return a & lut<1, hi>(b);
    else if constexpr (hi == 0) return ~a & lut<1, lo>(b);
    else if constexpr (lo == 3) return ~a | lut<1, hi>(b);
    else return a | lut<1, lo>(b);
}

/// The same of three nets, a above b above c.
template <int N, unsigned T>
inline V lut(V a, V b, V c) {
#if defined(__AVX512F__)
    return (V)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, T);
#else
    constexpr unsigned hi = T >> 4, lo = T & 15;
    if constexpr (hi == lo) return lut<2, lo>(b, c);
    else if constexpr (hi == (lo ^ 15)) return a ^ lut<2, lo>(b, c);
    else if constexpr (lo == 0) return a & lut<2, hi>(b, c);
    else if constexpr (hi == 0) return ~a & lut<2, lo>(b, c);
    else if constexpr (hi == 15) return a | lut<2, lo>(b, c);
    else if constexpr (lo == 15) return ~a | lut<2, hi>(b, c);
    else return (a & lut<2, hi>(b, c)) | (~a & lut<2, lo>(b, c));
#endif
}

/// `d` where a flip-flop is enabled, else what it holds.
inline V pick(V enable, V d, V q) { return lut<3, 0xCA>(enable, d, q); }
