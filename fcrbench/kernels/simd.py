"""Vector instructions that Numba's vectoriser does not find, such as one comparison of 64 neighbouring
pixels.

LLVM compiles the same code to AVX-512, AVX2, SSE or NEON, whichever the machine has.
"""

from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils

intrinsic: Any = extending.intrinsic  # untyped, as Numba has no type stubs
LANES = 64
FILL_LANES = 16


@intrinsic
def unequal_mask(typingctx: Any, left: Any, i: Any, right: Any, j: Any) -> Any:
    """Return a uint64 whose bit k is set where left[i + k] != right[j + k], k = 0 .. 63.

    The arrays are C-contiguous and of the same unsigned dtype. The caller makes sure that all indices are
    valid.
    """
    if not (
        isinstance(left, types.Array) and isinstance(left.dtype, types.Integer) and left.dtype == right.dtype
    ):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(context.get_value_type(left.dtype), LANES)

        def load(kind: Any, array: Any, index: Any) -> Any:
            struct = context.make_array(kind)(context, builder, array)
            cast = builder.bitcast(builder.gep(struct.data, [index]), vector.as_pointer())
            return builder.load(cast, align=left.dtype.bitwidth // 8)

        unequal = builder.icmp_unsigned("!=", load(left, args[0], args[1]), load(right, args[2], args[3]))
        return builder.bitcast(unequal, ir.IntType(LANES))

    return types.uint64(left, types.intp, right, types.intp), codegen


@intrinsic
def trailing_zeros(typingctx: Any, word: Any) -> Any:
    """Return the index of the lowest set bit of a uint64; 64 for 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), codegen


@intrinsic
def count_ones(typingctx: Any, word: Any) -> Any:
    """Return the number of set bits of a uint64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), codegen


@intrinsic
def prefetch(typingctx: Any, array: Any, index: Any) -> Any:
    """Start loading array[index] into the cache, without waiting for it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        struct = context.make_array(signature.args[0])(context, builder, args[0])
        pointer = builder.bitcast(builder.gep(struct.data, [args[1]]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [pointer, word(1), word(3), word(1)])  # for writing, to all levels, data
        return context.get_dummy_value()

    return types.void(array, index), codegen


@intrinsic
def fill_lanes(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Set array[index : index + FILL_LANES] = value; the array is C-contiguous and has all these elements."""
    if not (isinstance(array, types.Array) and array.dtype == value):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        struct = context.make_array(signature.args[0])(context, builder, args[0])
        vector = ir.VectorType(context.get_value_type(array.dtype), FILL_LANES)
        lanes = ir.Constant(vector, ir.Undefined)
        for lane in range(FILL_LANES):
            lanes = builder.insert_element(lanes, args[2], ir.Constant(ir.IntType(32), lane))
        target = builder.bitcast(builder.gep(struct.data, [args[1]]), vector.as_pointer())
        builder.store(lanes, target, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), codegen


@intrinsic
def argmax_lanes(typingctx: Any, planes: Any, index: Any, out: Any) -> Any:
    """Set out[index : index + LANES] to the first plane of the largest value, for planes (K, N), out (N,)
    uint8.

    The arrays are C-contiguous and have all these columns. Returns True if any value is NaN. The running
    maximum and its plane stay in registers, which the vectoriser achieves with no loop over pixels or planes.
    """
    if not (isinstance(planes, types.Array) and isinstance(planes.dtype, types.Float)):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        struct = context.make_array(planes)(context, builder, args[0])
        target = context.make_array(out)(context, builder, args[2])
        value_type = ir.VectorType(context.get_value_type(planes.dtype), LANES)
        plane_type = ir.VectorType(ir.IntType(8), LANES)
        n_planes, n = cgutils.unpack_tuple(builder, struct.shape)

        def load(plane: Any) -> Any:
            start = builder.gep(struct.data, [builder.add(builder.mul(plane, n), args[1])])
            cast = builder.bitcast(start, value_type.as_pointer())
            return builder.load(cast, align=planes.dtype.bitwidth // 8)

        zero, one = ir.Constant(n.type, 0), ir.Constant(n.type, 1)
        first = load(zero)
        best = cgutils.alloca_once_value(builder, first)
        best_plane = cgutils.alloca_once_value(builder, ir.Constant(plane_type, None))
        nan = cgutils.alloca_once_value(builder, builder.fcmp_unordered("uno", first, first))
        with cgutils.for_range_slice(builder, one, n_planes, one) as (plane, _):
            value = load(plane)
            larger = builder.fcmp_ordered(">", value, builder.load(best))
            number = builder.insert_element(
                ir.Constant(plane_type, ir.Undefined), builder.trunc(plane, ir.IntType(8)), ir.IntType(32)(0)
            )
            number = builder.shuffle_vector(
                number, number, ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
            )
            builder.store(builder.select(larger, value, builder.load(best)), best)
            builder.store(builder.select(larger, number, builder.load(best_plane)), best_plane)
            builder.store(builder.or_(builder.load(nan), builder.fcmp_unordered("uno", value, value)), nan)
        place = builder.bitcast(builder.gep(target.data, [args[1]]), plane_type.as_pointer())
        builder.store(builder.load(best_plane), place, align=1)
        return builder.icmp_unsigned(
            "!=", builder.bitcast(builder.load(nan), ir.IntType(LANES)), ir.IntType(LANES)(0)
        )

    return types.boolean(planes, types.intp, out), codegen
