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
/* Root and reciprocal by Newton steps on the 14-bit estimates: a third of the time of vsqrtpd and vdivpd,
 * and within 2 ulp. The root of 0 comes out as 1e-150. */
static inline vd v_sqrt(vd a)
{
    a = (vd)_mm512_max_pd((__m512d)a, _mm512_set1_pd(1e-300));
    vd y = (vd)_mm512_rsqrt14_pd((__m512d)a);
    vd g = a * y, h = 0.5 * y;
    vd r = 0.5 - g * h;
    g += g * r, h += h * r;
    return g + g * (0.5 - g * h);
}
static inline vd v_reciprocal(vd a)
{
    vd r = (vd)_mm512_rcp14_pd((__m512d)a);
    r += r * (1.0 - a * r);
    return r + r * (1.0 - a * r);
}
static inline unsigned v_mask(vi a) { return _mm512_movepi64_mask((__m512i)a); } /* bit l: lane l is negative */
static inline vd v_min(vd a, vd b) { return (vd)_mm512_min_pd((__m512d)a, (__m512d)b); }
static inline vd v_max(vd a, vd b) { return (vd)_mm512_max_pd((__m512d)a, (__m512d)b); }
static inline vidx v_truncate(vd a) { return _mm512_cvttpd_epi32((__m512d)a); }
static inline vd v_float(vidx i) { return (vd)_mm512_cvtepi32_pd(i); }
static inline vd v_gather(const double *t, vidx i) { return (vd)_mm512_i32gather_pd(i, t, 8); }
static inline vidx i_add(vidx a, vidx b) { return _mm256_add_epi32(a, b); }
static inline vidx i_scale(vidx a, int m) { return _mm256_mullo_epi32(a, _mm256_set1_epi32(m)); }
#elif defined(__AVX2__)
typedef __m128i vidx;
static inline vd v_sqrt(vd a) { return (vd)_mm256_sqrt_pd((__m256d)a); }
static inline vd v_reciprocal(vd a) { return 1.0 / a; }
static inline unsigned v_mask(vi a) { return (unsigned)_mm256_movemask_pd((__m256d)a); }
static inline vd v_min(vd a, vd b) { return (vd)_mm256_min_pd((__m256d)a, (__m256d)b); }
static inline vd v_max(vd a, vd b) { return (vd)_mm256_max_pd((__m256d)a, (__m256d)b); }
static inline vidx v_truncate(vd a) { return _mm256_cvttpd_epi32((__m256d)a); }
static inline vd v_float(vidx i) { return (vd)_mm256_cvtepi32_pd(i); }
static inline vd v_gather(const double *t, vidx i) { return (vd)_mm256_i32gather_pd(t, i, 8); }
static inline vidx i_add(vidx a, vidx b) { return _mm_add_epi32(a, b); }
static inline vidx i_scale(vidx a, int m) { return _mm_mullo_epi32(a, _mm_set1_epi32(m)); }
#else
typedef struct { int i[VL]; } vidx;
#define LANES(expr) for (int l = 0; l < VL; ++l) { expr; }
static inline vd v_sqrt(vd a) { LANES(a[l] = sqrt(a[l])) return a; }
static inline vd v_reciprocal(vd a) { return 1.0 / a; }
static inline unsigned v_mask(vi a) { unsigned m = 0; LANES(m |= (unsigned)(a[l] < 0) << l) return m; }
static inline vd v_min(vd a, vd b) { LANES(a[l] = a[l] < b[l] ? a[l] : b[l]) return a; }
static inline vd v_max(vd a, vd b) { LANES(a[l] = a[l] > b[l] ? a[l] : b[l]) return a; }
static inline vidx v_truncate(vd a) { vidx r; LANES(r.i[l] = (int)a[l]) return r; }
static inline vd v_float(vidx i) { vd r; LANES(r[l] = i.i[l]) return r; }
static inline vd v_gather(const double *t, vidx i) { vd r; LANES(r[l] = t[i.i[l]]) return r; }
static inline vidx i_add(vidx a, vidx b) { LANES(a.i[l] += b.i[l]) return a; }
static inline vidx i_scale(vidx a, int m) { LANES(a.i[l] *= m) return a; }
#undef LANES
#endif

static inline vd v_abs(vd a) { return (vd)((vi)a & INT64_MAX); }

static inline double v_sum(vd a)
{
    double s = 0;
    for (int l = 0; l < VL; ++l) s += a[l];
    return s;
}

static inline double v_largest(vd a)
{
    double m = a[0];
    for (int l = 1; l < VL; ++l) m = a[l] > m ? a[l] : m;
    return m;
}

#define ROUNDING_MAGIC 0x1.8p52 /* adding it leaves the nearest integer in the low mantissa bits */

/* exp(a) for a <= 0; below -700 it is exp(-700). Cody-Waite reduction, Taylor to degree 12: < 1 ulp of 2^-52. */
static inline vd v_exp(vd a)
{
    a = v_max(a, v_set(-700.0));
    vd shifted = a * 0x1.71547652b82fep0 + ROUNDING_MAGIC;
    vd n = shifted - ROUNDING_MAGIC;
    vd r = a - n * 0x1.62e42fefa3800p-1;
    r = r - n * 0x1.ef35793c76730p-45;
    vd p = v_set(1.0 / 479001600);
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    return p * (vd)(((vi)shifted + 1023) << 52);
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

/* Values at t of a table with n >= 2 entries at t = 0, 1, ...; linear between, the end values beyond. */
static inline vd v_interpolate(const double *table, int n, vd t)
{
    t = v_min(v_max(t, v_set(0.0)), v_set(n - 1.0));
    vidx i = v_truncate(v_min(t, v_set(n - 2.0)));
    vd lower = v_gather(table, i);
    return lower + (t - v_float(i)) * (v_gather(table + 1, i) - lower);
}

#endif
