"""Matrix products in tiles, because that is what OpenBLAS is fastest at.

OpenBLAS multiplies matrices by copying ("packing") panels of both into a layout that its inner kernel likes. The copies pay
when both matrices are large; with a batch of 32 windows they cost as much as the arithmetic. For products of fewer than a
million multiply-adds, OpenBLAS on AVX-512 processors has kernels that read both matrices where they lie. So a large product
is handed over as a stack of small ones, each a view: the same sums, no copies, one call of `numpy.matmul`.

Measured on one core, 1200 x 256 weights, float32, share of the peak of a 2048 x 2048 product:

======== ============= ============= ============== ==============
batch    forward, as   forward,      gradient, as   gradient,
         one product   in tiles      one product    in tiles
======== ============= ============= ============== ==============
"""
