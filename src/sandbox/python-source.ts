/**
 * Python that runs inside the two interpreters of a Python sandbox.
 *
 * The *guest* holds the untrusted code. The *tester* holds the tests; it never sees an object of the
 * guest, only values (`Wire`) and numbered stand-ins. So nothing that the untrusted code patches,
 * overrides or prints reaches a comparison: it can choose what its functions return and nothing else.
 */

/** Values to and from JSON text; shared by both. `handle` numbers what has no value. */
const codec = String.raw`
import sys, json, types, collections, decimal, fractions, builtins, marshal, importlib, operator, math, itertools, functools, re, heapq, bisect, copy, string, random, datetime, typing

class WireError(Exception):
    pass

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

export const guestSource = `${codec}${String.raw`
def make_guest():
    objects = []
    state = {}
    BaseException_, SystemExit_, Exception_ = BaseException, SystemExit, Exception
    exec_, compile_, getattr_, setattr_, type_ = exec, compile, getattr, setattr, type
    str_, len_, isinstance_, list_, iter_, bool_ = str, len, isinstance, list, iter, bool
    stdout, stdout_flush = sys.stdout, sys.stdout.flush
    modules = sys.modules
    islice = itertools.islice

    def handle(v):
        objects.append(v)
        return {"o": len_(objects) - 1, "type": str_(type_(v).__name__)[:100]}

    def resolve(key, x, w):
        if key == "o":
            return objects[x]
        if key == "m":
            return importlib.import_module(x)
        if key == "n":
            v = importlib.import_module(x[0])
            for name in x[1].split("."):
                v = getattr_(v, name)
            return v
        if key == "l":
            code = marshal.loads(bytes.fromhex(x[0]))
            f = types.FunctionType(code, state["module"].__dict__, code.co_name, decode(x[1]))
            f.__kwdefaults__ = decode(x[2])
            return f
        raise WireError("unknown value")

    encode, decode, loads, dumps, begin = make_codec(handle, resolve)

    def describe(e):
        if isinstance_(e, SystemExit_):
            code = e.code
            status = 0 if code is None else code if isinstance_(code, int) else 1
            return {"kind": "exit", "status": int(status) & 255, "type": "SystemExit", "message": str_(code)[:200] if status else ""}
        t = type_(e)
        names = [c.__name__ for c in t.__mro__ if c.__module__ == "builtins"]
        kind = "memory" if "MemoryError" in names else "interrupt" if "KeyboardInterrupt" in names else "threw"
        try:
            message = str_(e)[:500]
        except BaseException_:
            message = ""
        line = None
        tb = e.__traceback__
        while tb is not None:
            if tb.tb_frame.f_code.co_filename == "solution.py":
                line = tb.tb_lineno
            tb = tb.tb_next
        if isinstance_(e, SyntaxError) and e.lineno:
            line = e.lineno
        return {"kind": kind, "type": str_(t.__name__)[:100], "bases": names, "message": message, "line": line}

    def new_module(name):
        module = types.ModuleType(name)
        modules[name] = module
        state["module"] = module
        return module

    def load(r):
        module = new_module("solution")
        exec_(compile_(r["code"], "solution.py", "exec", dont_inherit=True), module.__dict__)

    def program(r):
        module = new_module("__main__")
        try:
            exec_(compile_(r["code"], "solution.py", "exec", dont_inherit=True), module.__dict__)
        except SystemExit_ as e:
            if describe(e)["status"]:
                raise
        finally:
            try:
                if sys.stdout is not stdout:
                    sys.stdout.flush()
            except Exception_:
                pass
            stdout_flush()

    def names(r):
        d = state["module"].__dict__
        return {name: encode(d[name]) for name in r["names"] if name in d}

    def find(name):
        d = state["module"].__dict__
        if name in d:
            return d[name]
        if "." not in name and "Solution" in d and hasattr(d["Solution"], name):
            return getattr_(d["Solution"](), name)
        v = None
        for i, piece in enumerate(name.split(".")):
            v = d[piece] if i == 0 else getattr_(v, piece)
        return v

    def call(r):
        if "name" in r:
            try:
                f = find(r["name"])
            except KeyError:
                raise NameError("name '%s' is not defined" % r["name"]) from None
        else:
            f = objects[r["o"]]
        args = [decode(x) for x in r["args"]]
        kwargs = {k: decode(x) for k, x in r.get("kwargs", {}).items()}
        result = encode(f(*args, **kwargs))
        return {"value": result, "args": [encode(x) for x in args]} if r.get("inplace") else {"value": result}

    def get(r):
        v = objects[r["o"]]
        what = r["what"]
        if what == "attr": return encode(getattr_(v, r["name"]))
        if what == "set": return setattr_(v, r["name"], decode(r["value"]))
        if what == "item": return encode(v[decode(r["key"])])
        if what == "put": v[decode(r["key"])] = decode(r["value"]); return None
        if what == "list": return encode(list_(islice(v, 1000000)))
        if what == "next": return encode(next(v))
        if what == "len": return encode(len_(v))
        if what == "str": return encode(str_(v))
        if what == "repr": return encode(repr(v))
        if what == "bool": return bool_(v)
        if what == "int": return encode(int(v))
        if what == "float": return encode(float(v))
        if what == "vars": return [str_(type_(v).__name__), encode(dict(vars(v)))]
        raise WireError("unknown request")

    ops = {"load": load, "program": program, "names": names, "call": call, "get": get}

    def guest(text):
        try:
            r = loads(text)
            begin()
            return dumps({"ok": ops[r["op"]](r)})
        except BaseException_ as e:
            e_ = e
        return dumps({"error": describe(e_)})

    return guest
`}`;

export const testerSource = `${codec}${String.raw`
import ast, unittest

class Timeout(Exception):
    pass

class Failed(Exception):
    def __init__(self, error):
        super().__init__(error["message"])
        self.error = error

def make_tester(callout):
    def ask(r):
        reply = json.loads(callout(json.dumps(r)))
        if "error" not in reply:
            return reply["ok"]
        e = reply["error"]
        if e["kind"] in ("timeout", "output", "memory", "crashed", "exit", "skipped"):
            raise Failed(e)
        for name in e.get("bases", ()):
            if name in ("StopIteration", "StopAsyncIteration") and r.get("what") != "next":
                break  # it would end a map() or zip() of the tests early, and what is not compared passes
            t = getattr(builtins, name, None)
            if isinstance(t, type) and issubclass(t, Exception):
                try:
                    raised = t(e["message"])
                except Exception:
                    continue
                raised.remote = e
                raise raised
        raised = RuntimeError(e["message"])
        raised.remote = e
        raise raised

    class Remote:
        """Stands for an object that only the guest has. Deliberately no comparison and no arithmetic."""
        __slots__ = ("_o", "_type")
        def __init__(self, w):
            object.__setattr__(self, "_o", w["o"])
            object.__setattr__(self, "_type", w["type"])
        def _get(self, what, **more):
            return ask({"op": "get", "o": self._o, "what": what, **more})
        def __call__(self, *args, **kwargs):
            return remote_call(self, False, args, kwargs)
        def __getattr__(self, name):
            return decode(self._get("attr", name=name))
        def __setattr__(self, name, value):
            codec_begin(); self._get("set", name=name, value=encode(value))
        def __getitem__(self, key):
            codec_begin(); return decode(self._get("item", key=encode(key)))
        def __setitem__(self, key, value):
            codec_begin(); self._get("put", key=encode(key), value=encode(value))
        def __iter__(self):
            return iter(decode(self._get("list")))
        def __next__(self):
            return decode(self._get("next"))
        def __contains__(self, x):
            return x in decode(self._get("list"))
        def __len__(self):
            return operator.index(decode(self._get("len")))
        def __str__(self):
            return str(decode(self._get("str")))
        def __repr__(self):
            return str(decode(self._get("repr")))
        def __bool__(self):
            return self._get("bool") is True
        def __int__(self):
            return int(decode(self._get("int")))
        def __float__(self):
            return float(decode(self._get("float")))
        def __hash__(self):
            return hash(("Remote", self._o))
        def __eq__(self, other):
            if type(other) is not Remote:
                return False
            if self._o == other._o:
                return True
            try:
                a, b = self._get("vars"), other._get("vars")
                a, b = (a[0], decode(a[1])), (b[0], decode(b[1]))
            except Exception:
                return False
            return bool(a[1]) and a == b

    def handle(v):
        if type(v) is Remote:
            return {"o": v._o}
        if isinstance(v, (types.FunctionType,)) and not v.__code__.co_freevars:
            return {"l": [marshal.dumps(v.__code__).hex(), encode(v.__defaults__), encode(v.__kwdefaults__)]}
        module, name = getattr(v, "__module__", None), getattr(v, "__qualname__", None)
        if isinstance(v, (type, types.BuiltinFunctionType)) and isinstance(module, str) and module != "tests":
            return {"n": [module, name]}
        raise TypeError("the tests pass an object of type %s, which cannot be handed to the code" % type(v).__name__)

    def resolve(key, x, w):
        if key == "o":
            return Remote(w)
        if key == "m" and x in sys.stdlib_module_names:
            return importlib.import_module(x)
        raise WireError("unknown value")

    encode, decode, loads, dumps, codec_begin = make_codec(handle, resolve)

    def remote_call(f, inplace, args, kwargs):
        codec_begin()
        r = ask({"op": "call", "o": f._o, "inplace": inplace, "args": [encode(x) for x in args],
            "kwargs": {k: encode(x) for k, x in kwargs.items()}})
        if inplace:
            for old, new in zip(args, r["args"]):
                new = decode(new)
                if type(old) in (list, bytearray) and type(new) is type(old):
                    old[:] = new
                elif type(old) in (dict, set) and type(new) is type(old):
                    old.clear(); old.update(new)
                elif type(old) is collections.deque and type(new) is collections.deque:
                    old.clear(); old.extend(new)
        return decode(r["value"])

    def inplace(f):
        if type(f) is not Remote:
            return f
        return lambda *args, **kwargs: remote_call(f, True, args, kwargs)

    checks = []
    def record(i, passed, message="", code=None):
        old = checks[i]
        if old is None or (old["passed"] and not passed):
            checks[i] = {"passed": bool(passed), "message": message[:1000]}
            if code:
                checks[i]["code"] = code
        callout(json.dumps({"op": "check", "index": i, "check": checks[i]}))

    def short(v):
        try:
            text = repr(v)
        except Exception as e:
            text = "an object whose repr raises %s" % type(e).__name__
        return text if len(text) <= 200 else text[:200] + "..."

    def explain(e):
        if isinstance(e, Failed):
            kind = e.error["kind"]
            return ("exited" if kind == "exit" else kind), e.error["message"]
        remote = getattr(e, "remote", None)
        where = " (line %s of the code)" % remote["line"] if remote and remote.get("line") else ""
        name = remote["type"] if remote else type(e).__name__
        code = "threw" if remote or isinstance(e, (TypeError, NameError, AttributeError, WireError, RecursionError, ValueError, KeyError, IndexError, ArithmeticError)) else "tests"
        return code, "%s: %s%s" % (name, str(e)[:500], where)

    class Rewrite(ast.NodeTransformer):
        def visit_Assert(self, node):
            self.generic_visit(node)
            i = len(checks)
            checks.append(None)
            text = ast.unparse(node.test)
            text = text if len(text) <= 200 else text[:200] + "..."
            call = lambda name, *args: ast.Call(ast.Name("__guerdon_" + name, ast.Load()), list(args), [])
            t = node.test
            if isinstance(t, ast.Compare) and len(t.ops) == 1 and isinstance(t.ops[0], ast.Eq):
                body = call("equal", ast.Constant(i), ast.Constant(text), t.left, t.comparators[0])
            else:
                body = call("true", ast.Constant(i), ast.Constant(text), t)
            failed = ast.Expr(call("error", ast.Constant(i), ast.Name("__guerdon_e", ast.Load())))
            new = ast.Try([ast.Expr(body)], [ast.ExceptHandler(ast.Name("__guerdon_Exception", ast.Load()), "__guerdon_e", [failed])], [], [])
            return ast.fix_missing_locations(ast.copy_location(new, node))
        def visit_Expr(self, node):
            self.generic_visit(node)
            if isinstance(node.value, ast.Call) and isinstance(node.value.func, (ast.Name, ast.Attribute)):
                f = node.value.func
                node.value.func = ast.copy_location(ast.Call(ast.Name("__guerdon_inplace", ast.Load()), [f], []), f)
                ast.fix_missing_locations(node)
            return node

    def equal(i, text, a, b):
        if a == b:
            record(i, True)
        else:
            record(i, False, "%s: got %s, expected %s" % (text, short(a), short(b)))

    def true(i, text, v):
        passed = bool(v)
        record(i, passed, "" if passed else "not true: %s" % text)

    def error(i, e):
        code, message = explain(e)
        record(i, False, message, code)

    def bound_names(tree):
        own = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                own.add(node.id)
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
                own.add(node.name)
            elif isinstance(node, ast.arg):
                own.add(node.arg)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                own.update((a.asname or a.name).split(".")[0] for a in node.names)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                own.add(node.name)
        return own

    def tester(text):
        request = json.loads(text)
        checks.clear()
        entry = request.get("entryPoint")
        try:
            tree = ast.parse(request["source"])
            loaded = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
            called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
            own = bound_names(tree)
            if entry and "." not in entry:
                loaded.add(entry)
            wanted = sorted(loaded - own)
            defined = ask({"op": "names", "names": wanted})
            foreign = [n for n in wanted if n in defined and not hasattr(builtins, n)]
            ns = {"__name__": "tests", "__guerdon_equal": equal, "__guerdon_true": true, "__guerdon_error": error,
                "__guerdon_inplace": inplace, "__guerdon_Exception": Exception}
            for n in foreign:
                ns[n] = decode(defined[n])
            shadows = [n for n in wanted if n in defined and hasattr(builtins, n) and (n == entry or n in called)]
            # A name of Python's own is taken from the code only when it is the function under test.
            if entry in shadows:
                ns[entry] = decode(defined[entry])
            elif not foreign and not entry and len(shadows) == 1:
                ns[shadows[0]] = decode(defined[shadows[0]])
            if entry and entry not in ns and entry not in own and "." not in entry and "candidate" not in own:
                raise Failed({"kind": "threw", "message": "NameError: name '%s' is not defined" % entry})
            tree = Rewrite().visit(tree)
            has_check = any(isinstance(n, ast.FunctionDef) and n.name == "check" for n in tree.body)
            if entry and has_check and "check" not in called:
                tree.body.append(ast.Expr(ast.Call(ast.Name("check", ast.Load()), [ast.Name(entry, ast.Load())], [])))
            exec(compile(ast.fix_missing_locations(tree), "tests.py", "exec", dont_inherit=True), ns)
            cases = [v for v in ns.values() if isinstance(v, type) and issubclass(v, unittest.TestCase)]
            for case in unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, cases)):
                for one in case:
                    i = len(checks)
                    checks.append(None)
                    result = unittest.TestResult()
                    one(result)
                    bad = result.failures + result.errors
                    record(i, not bad and not result.skipped, bad[0][1].strip().splitlines()[-1] if bad else "")
        except Exception as e:
            code, message = explain(e)
            missing = [i for i, c in enumerate(checks) if c is None]
            for i in missing:
                checks[i] = {"passed": False, "message": "not reached: " + message, "code": code}
            if not missing and not (checks and any(not c["passed"] for c in checks)):
                checks.append({"passed": False, "message": message, "code": code})
        for i, c in enumerate(checks):
            if c is None:
                checks[i] = {"passed": False, "message": "not reached"}
        return json.dumps(checks)

    return tester
`}`;

/**
 * Closes Pyodide's doors to JavaScript and everything that reaches out of the interpreter. Run once, before the
 * snapshot is taken; modules compiled into the interpreter are also struck from its table (see python.ts).
 */
export const lockdownSource = String.raw`
def lock(blocked):
    import sys, gc, os, builtins
    import importlib.machinery as machinery
    blocked = blocked.split(" ")
    roots = set(blocked)
    for name in list(sys.modules):
        if name.split(".")[0] in roots:
            module = sys.modules.pop(name)
            if getattr(module, "__dict__", None) is not None and name not in ("os",):
                module.__dict__.clear()
    sys.meta_path[:] = [f for f in sys.meta_path if f in (machinery.BuiltinImporter, machinery.FrozenImporter, machinery.PathFinder)]
    for name in blocked:
        sys.modules[name] = None
    import _imp
    sys.path_importer_cache.clear()
    sys.dont_write_bytecode = True
    for name in ("system", "popen", "fork", "forkpty", "kill", "killpg", "abort", "execv", "execve", "posix_spawn", "posix_spawnp", "spawnv", "spawnve"):
        for module in (os, sys.modules.get("posix")):
            if module is not None and hasattr(module, name):
                delattr(module, name)
    sys.excepthook = sys.__excepthook__
    main = sys.modules["__main__"].__dict__
    for name in [name for name in main if not name.startswith("__")]:
        del main[name]
    gc.collect()
`;
