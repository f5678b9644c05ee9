"""Vector instructions that Numba's own vectoriser does not find: one comparison of 64 neighbouring pixels.

LLVM lowers the same code to AVX-512, AVX2, SSE or NEON, whichever the machine has.
"""

from typing import Any

from llvmlite import ir
from numba import extending, types

intrinsic: Any = extending.intrinsic  # turns a function of types into one of values
LANES = 64
FILL_LANES = 16


@intrinsic
def change_mask(typingctx: Any, array: Any, index: Any) -> Any:
    """Bit j of the uint64 result is set where array[index + j] != array[index + j - 1], j = 0 .. 63.

    Reads array[index - 1 : index + 64]; the caller keeps that inside the (C-contiguous, unsigned) array.
    """
    if not (isinstance(array, types.Array) and isinstance(array.dtype, types.Integer)):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        struct = context.make_array(signature.args[0])(context, builder, args[0])
        element = context.get_value_type(array.dtype)
        vector = ir.VectorType(element, LANES)
        here = builder.gep(struct.data, [args[1]])
        left = builder.gep(here, [ir.Constant(args[1].type, -1)])

        def load(pointer: Any) -> Any:
            cast = builder.bitcast(pointer, vector.as_pointer())
            return builder.load(cast, align=array.dtype.bitwidth // 8)

        return builder.bitcast(builder.icmp_unsigned("!=", load(here), load(left)), ir.IntType(LANES))

    return types.uint64(array, types.intp), codegen


@intrinsic
def trailing_zeros(typingctx: Any, word: Any) -> Any:
    """Index of the lowest set bit of a non-zero uint64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), codegen


@intrinsic
def fill_lanes(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """array[index : index + FILL_LANES] = value, for a C-contiguous array with all of these elements."""
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
