/* Vectors of doubles, a few operations on them, and their exp and log.
 *
 * The hot functions are compiled once per instruction set (see meson.build); this header
 * is the only place that knows which one it is. `vd` is a GCC/Clang vector type, so that
 * + - * / and comparisons work on it directly; what they cannot say is an intrinsic here.
 * Nothing relies on -ffast-math: the rounding trick in v_exp would not survive it.
 */
#ifndef MPL_SIMD_H
#define MPL_SIMD_H

#include <math.h>
#include <stdint.h>

#if defined(__AVX512F__) || defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define VL 8
#elif defined(__AVX2__)
#define VL 4
#else
#define VL 2
#endif

typedef double vd __attribute__((vector_size(VL * 8)));
typedef int64_t vi __attribute__((vector_size(VL * 8)));

static inline vd v_set(double a) { return a - (vd){0}; }
static inline vd v_load(const double *p) { return *(const vd *)p; } /* p aligned to a vd */
static inline void v_store(double *p, vd a) { *(vd *)p = a; }

#if defined(__AVX512F__)
typedef __m256i vidx; /* VL table indices */
static inline vd v_sqrt(vd a) { return (vd)_mm512_sqrt_pd((__m512d)a); }
static inline unsigned v_mask(vi a) { return _mm512_movepi64_mask((__m512i)a); } /* bit l: lane l is negative */
static inline vd v_min(vd a, vd b) { return (vd)_mm512_min_pd((__m512d)a, (__m512d)b); }
static inline vd v_max(vd a, vd b) { return (vd)_mm512_max_pd((__m512d)a, (__m512d)b); }
static inline vidx v_truncate(vd a) { return _mm512_cvttpd_epi32((__m512d)a); }
static inline vd v_float(vidx i) { return (vd)_mm512_cvtepi32_pd(i); }
static inline vidx v_index(vi a) { return _mm512_cvtepi64_epi32((__m512i)a); }
static inline vidx i_cell(vidx a, int m, vidx b) { return _mm256_add_epi32(_mm256_mullo_epi32(a, _mm256_set1_epi32(m)), b); }
static inline double v_largest(vd a) { return _mm512_reduce_max_pd((__m512d)a); }
/* Store the lanes whose bit is set one behind the other; up to VL places beyond them may be overwritten. */
static inline void v_pack(double *to, unsigned bits, vd a)
{
    _mm512_storeu_pd(to, _mm512_maskz_compress_pd((__mmask8)bits, (__m512d)a));
}
static inline void i_pack(int *to, unsigned bits, int first)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i index = _mm256_add_epi32(lane, _mm256_set1_epi32(first));
    _mm256_storeu_si256((__m256i *)to, _mm256_maskz_compress_epi32((__mmask8)bits, index));
}
/* Row i of a table with rows of four, column by column: a load and a transposition instead of four gathers. */
static inline void v_rows(const double *t, vidx i, vd column[4])
{
    int at[VL];
    _mm256_storeu_si256((__m256i *)at, _mm256_slli_epi32(i, 2));
    __m512d row[4];
    for (int r = 0; r < 4; ++r)
        row[r] = _mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_load_pd(t + at[r])), _mm256_load_pd(t + at[r + 4]), 1);
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    __m512d even01 = _mm512_unpacklo_pd(row[0], row[1]), even23 = _mm512_unpacklo_pd(row[2], row[3]);
    __m512d odd01 = _mm512_unpackhi_pd(row[0], row[1]), odd23 = _mm512_unpackhi_pd(row[2], row[3]);
    column[0] = (vd)_mm512_permutex2var_pd(even01, first, even23);
    column[1] = (vd)_mm512_permutex2var_pd(odd01, first, odd23);
    column[2] = (vd)_mm512_permutex2var_pd(even01, second, even23);
    column[3] = (vd)_mm512_permutex2var_pd(odd01, second, odd23);
}
#elif defined(__AVX2__)
typedef __m128i vidx;
static inline vd v_sqrt(vd a) { return (vd)_mm256_sqrt_pd((__m256d)a); }
static inline unsigned v_mask(vi a) { return (unsigned)_mm256_movemask_pd((__m256d)a); }
static inline vd v_min(vd a, vd b) { return (vd)_mm256_min_pd((__m256d)a, (__m256d)b); }
static inline vd v_max(vd a, vd b) { return (vd)_mm256_max_pd((__m256d)a, (__m256d)b); }
static inline vidx v_truncate(vd a) { return _mm256_cvttpd_epi32((__m256d)a); }
static inline vd v_float(vidx i) { return (vd)_mm256_cvtepi32_pd(i); }
static inline vidx v_index(vi a) { return _mm_set_epi32((int)a[3], (int)a[2], (int)a[1], (int)a[0]); }
static inline vidx i_cell(vidx a, int m, vidx b) { return _mm_add_epi32(_mm_mullo_epi32(a, _mm_set1_epi32(m)), b); }
static inline double v_largest(vd a) { return fmax(fmax(a[0], a[1]), fmax(a[2], a[3])); }
static inline void v_rows(const double *t, vidx i, vd column[4])
{
    int at[VL];
    _mm_storeu_si128((__m128i *)at, _mm_slli_epi32(i, 2));
    __m256d row[4];
    for (int r = 0; r < 4; ++r) row[r] = _mm256_load_pd(t + at[r]);
    __m256d even01 = _mm256_unpacklo_pd(row[0], row[1]), even23 = _mm256_unpacklo_pd(row[2], row[3]);
    __m256d odd01 = _mm256_unpackhi_pd(row[0], row[1]), odd23 = _mm256_unpackhi_pd(row[2], row[3]);
    column[0] = (vd)_mm256_permute2f128_pd(even01, even23, 0x20);
    column[1] = (vd)_mm256_permute2f128_pd(odd01, odd23, 0x20);
    column[2] = (vd)_mm256_permute2f128_pd(even01, even23, 0x31);
    column[3] = (vd)_mm256_permute2f128_pd(odd01, odd23, 0x31);
}
#else
typedef struct { int i[VL]; } vidx;
#define LANES(expr) for (int l = 0; l < VL; ++l) { expr; }
static inline vd v_sqrt(vd a) { LANES(a[l] = sqrt(a[l])) return a; }
static inline unsigned v_mask(vi a) { unsigned m = 0; LANES(m |= (unsigned)(a[l] < 0) << l) return m; }
static inline vd v_min(vd a, vd b) { LANES(a[l] = a[l] < b[l] ? a[l] : b[l]) return a; }
static inline vd v_max(vd a, vd b) { LANES(a[l] = a[l] > b[l] ? a[l] : b[l]) return a; }
static inline vidx v_truncate(vd a) { return (vidx){{(int)a[0], (int)a[1]}}; }
static inline vd v_float(vidx i) { return (vd){i.i[0], i.i[1]}; }
static inline vidx v_index(vi a) { return (vidx){{(int)a[0], (int)a[1]}}; }
static inline vidx i_cell(vidx a, int m, vidx b) { return (vidx){{a.i[0] * m + b.i[0], a.i[1] * m + b.i[1]}}; }
static inline double v_largest(vd a) { return fmax(a[0], a[1]); }
static inline void v_rows(const double *t, vidx i, vd column[4])
{
    for (int f = 0; f < 4; ++f) column[f] = (vd){t[4 * i.i[0] + f], t[4 * i.i[1] + f]};
}
#undef LANES
#endif

static inline vd v_reciprocal(vd a) { return 1.0 / a; } /* the divider works beside the multipliers */
static inline vd v_abs(vd a) { return (vd)((vi)a & INT64_MAX); }
#ifndef __AVX512F__
static inline void v_pack(double *to, unsigned bits, vd a)
{
    for (; bits; bits &= bits - 1) *to++ = a[__builtin_ctz(bits)];
}
static inline void i_pack(int *to, unsigned bits, int first)
{
    for (; bits; bits &= bits - 1) *to++ = first + __builtin_ctz(bits);
}
#endif
static inline vd v_if(vi mask, vd a) { return (vd)((vi)a & mask); } /* a where the mask holds, else 0 */
static inline vd v_select(vi mask, vd a, vd b) { return (vd)(((vi)a & mask) | ((vi)b & ~mask)); }

static inline double v_sum(vd a)
{
    double s = 0;
    for (int l = 0; l < VL; ++l) s += a[l];
    return s;
}


#define ROUNDING_MAGIC 0x1.8p52 /* adding it leaves the nearest integer in the low mantissa bits */

/* exp(a) for a <= 700; below -700 it is exp(-700). exp(a) = 2^(n/STEPS) exp(r), |r| <= ln 2 / (2 STEPS), Cody-Waite
 * reduction and Taylor series: < 2 ulp. With AVX-512 the fractional powers of 2 come out of two registers. */
static inline vd v_exp(vd a)
{
    a = v_max(a, v_set(-700.0));
#ifdef __AVX512F__
    const vd powers[2] = {{0x1.0000000000000p+0, 0x1.0b5586cf9890fp+0, 0x1.172b83c7d517bp+0, 0x1.2387a6e756238p+0,
                           0x1.306fe0a31b715p+0, 0x1.3dea64c123422p+0, 0x1.4bfdad5362a27p+0, 0x1.5ab07dd485429p+0},
                          {0x1.6a09e667f3bcdp+0, 0x1.7a11473eb0187p+0, 0x1.8ace5422aa0dbp+0, 0x1.9c49182a3f090p+0,
                           0x1.ae89f995ad3adp+0, 0x1.c199bdd85529cp+0, 0x1.d5818dcfba487p+0, 0x1.ea4afa2a490dap+0}};
    vd shifted = a * 0x1.71547652b82fep4 + ROUNDING_MAGIC;
    vd n = shifted - ROUNDING_MAGIC;
    vd r = a - n * 0x1.62e42fefa3800p-5;
    r = r - n * 0x1.ef35793c76730p-49;
    vd scale = (vd)_mm512_permutex2var_pd((__m512d)powers[0], (__m512i)shifted, (__m512d)powers[1]);
    vi exponent = (vi)shifted >> 4;
    vd p = v_set(1.0 / 720);
#else
    vd shifted = a * 0x1.71547652b82fep0 + ROUNDING_MAGIC;
    vd n = shifted - ROUNDING_MAGIC;
    vd r = a - n * 0x1.62e42fefa3800p-1;
    r = r - n * 0x1.ef35793c76730p-45;
    vi exponent = (vi)shifted;
    vd p = v_set(1.0 / 479001600);
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
#endif
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
#ifdef __AVX512F__
    p *= scale;
#endif
    return p * (vd)((exponent + 1023) << 52);
}

/* log(a) for normal a > 0: a = m 2^e, m in [sqrt(1/2), sqrt(2)); log m = 2 atanh((m-1)/(m+1)). */
static inline vd v_log(vd a)
{
    const int64_t sqrt_half = 0x3fe6a09e667f3bcd;
    vi bits = (vi)a;
    vi e = (bits - sqrt_half) >> 52;
    vd m = (vd)(bits - (e << 52));
    vd n = (vd)(e + 0x4338000000000000) - ROUNDING_MAGIC;
    vd s = (m - 1.0) * v_reciprocal(m + 1.0);
    vd z = s * s;
    vd p = v_set(2.0 / 17);
    p = p * z + 2.0 / 15;
    p = p * z + 2.0 / 13;
    p = p * z + 2.0 / 11;
    p = p * z + 2.0 / 9;
    p = p * z + 2.0 / 7;
    p = p * z + 2.0 / 5;
    p = p * z + 2.0 / 3;
    return n * 0x1.62e42fefa39efp-1 + (s * 2.0 + s * z * p);
}

/* asin(a) for 0 <= a <= 1 as s + s r(z), z = s^2 <= 1/4, with s = a, or from asin a = pi/2 - 2 asin sqrt((1-a)/2);
 * r is the rational approximation of fdlibm (Sun Microsystems, 1993). *large says which lanes are of the second kind. */
static inline vd v_asin_reduced(vd a, vi *large)
{
    *large = a > 0.5;
    vd z = v_select(*large, 0.5 - 0.5 * a, a * a);
    vd s = v_select(*large, v_sqrt(z), a);
    vd p = v_set(3.47933107596021167570e-05);
    p = p * z + 7.91534994289814532176e-04;
    p = p * z - 4.00555345006794114027e-02;
    p = p * z + 2.01212532134862925881e-01;
    p = p * z - 3.25565818622400915405e-01;
    p = p * z + 1.66666666666666657415e-01;
    vd q = v_set(7.70381505559019352791e-02);
    q = q * z - 6.88283971605453293030e-01;
    q = q * z + 2.02094576023350569471e+00;
    q = q * z - 2.40339491173441421878e+00;
    q = q * z + 1.0;
    return s + s * z * p * v_reciprocal(q);
}

#define HALF_PI 0x1.921fb54442d18p0

static inline vd v_acos(vd a) /* -1 <= a <= 1 */
{
    vi large, negative = a < 0;
    vd t = v_asin_reduced(v_abs(a), &large);
    vd of_abs = v_select(large, 2.0 * t, HALF_PI - t);
    return v_select(negative, 2 * HALF_PI - of_abs, of_abs);
}

static inline vd v_atan(vd a) /* a >= 0 */
{
    vi large;
    vd t = v_asin_reduced(a * v_reciprocal(v_sqrt(1.0 + a * a)), &large);
    return v_select(large, HALF_PI - 2.0 * t, t);
}

#endif
