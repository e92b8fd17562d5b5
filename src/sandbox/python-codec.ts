/** Values to and from JSON text; shared by both. `handle` numbers what has no value. */
export const pythonCodec = `
import sys, json, types, collections, decimal, fractions, builtins, marshal, importlib, operator, math, itertools, functools, re, heapq, bisect, copy, string, random, datetime, typing

class WireError(Exception):
    pass

def missing(name, standard=sys.stdlib_module_names, str=str, type=type):
    root = name.split(".")[0] if type(name) is str else ""
    return " (the sandbox does not allow it)" if root in standard else " (the sandbox has Python's standard library only)"

def make_codec(handle, resolve):
    loads, dumps = json.loads, json.dumps
    from builtins import (type, isinstance, len, int, float, str, list, tuple, dict, set, frozenset, bytes, bytearray,
        complex, bool, range, abs, iter, hex)
    deque, Decimal, Fraction = collections.deque, decimal.Decimal, fractions.Fraction
    Module, Function, Builtin = types.ModuleType, types.FunctionType, types.BuiltinFunctionType
    budget = [0]

    def encode(v, depth=0):
        budget[0] -= 1
        if budget[0] < 0:
            raise WireError("value too large")
        if depth > 150:
            raise WireError("value nested too deeply")
        depth += 1
        if v is None or v is True or v is False:
            return v
        if isinstance(v, int):
            v = int.__index__(v) if type(v) is not int else v
            v = int.__add__(v, 0)
            return v if -9007199254740991 <= v <= 9007199254740991 else {"i": hex(v)}
        if isinstance(v, float):
            return {"f": float.__repr__(v)}
        if isinstance(v, str):
            budget[0] -= str.__len__(v) >> 4
            return str.__str__(v)
        if isinstance(v, list):
            return [encode(x, depth) for x in list.__iter__(v)]
        if isinstance(v, tuple):
            return {"t": [encode(x, depth) for x in tuple.__iter__(v)]}
        if isinstance(v, dict):
            return {"d": [[encode(k, depth), encode(x, depth)] for k, x in dict.items(v)]}
        if isinstance(v, set):
            return {"s": [encode(x, depth) for x in set.__iter__(v)]}
        if isinstance(v, frozenset):
            return {"z": [encode(x, depth) for x in frozenset.__iter__(v)]}
        if isinstance(v, bytes):
            return {"b": bytes.hex(v)}
        if isinstance(v, bytearray):
            return {"a": bytearray.hex(v)}
        if isinstance(v, complex):
            return {"c": [float.__repr__(v.real), float.__repr__(v.imag)]}
        t = type(v)
        if t is deque:
            return {"q": [encode(x, depth) for x in v]}
        if t is Decimal:
            return {"D": str(v)}
        if t is Fraction:
            return {"F": [hex(v.numerator), hex(v.denominator)]}
        if t is range:
            return {"r": [hex(v.start), hex(v.stop), hex(v.step)]}
        if isinstance(v, Module):
            return {"m": str(v.__name__)}
        return handle(v)

    def decode(w):
        if w is None or w is True or w is False or type(w) in (int, str):
            return w
        if type(w) is list:
            return [decode(x) for x in w]
        if type(w) is float:
            return w
        (key, x), *more = w.items()
        if key == "i": return int(x, 16)
        if key == "f": return float(x)
        if key == "t": return tuple([decode(y) for y in x])
        if key == "d": return {decode(k): decode(y) for k, y in x}
        if key == "s": return set([decode(y) for y in x])
        if key == "z": return frozenset([decode(y) for y in x])
        if key == "b": return bytes.fromhex(x)
        if key == "a": return bytearray.fromhex(x)
        if key == "c": return complex(float(x[0]), float(x[1]))
        if key == "q": return deque([decode(y) for y in x])
        if key == "D": return Decimal(x)
        if key == "F": return Fraction(int(x[0], 16), int(x[1], 16))
        if key == "r": return range(int(x[0], 16), int(x[1], 16), int(x[2], 16))
        return resolve(key, x, w)

    def begin():
        budget[0] = 2000000

    return encode, decode, loads, dumps, begin
`;
