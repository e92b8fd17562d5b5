import { pythonCodec } from "./python-codec.ts";

/** Python that holds the untrusted code: loads it, calls into it, and answers with values. See python-tester.ts. */
export const guestSource = `${pythonCodec}
import asyncio, asyncio.runners

def make_guest():
    objects = []
    state = {}
    BaseException_, SystemExit_, Exception_, ImportError_, SyntaxError_ = BaseException, SystemExit, Exception, ImportError, SyntaxError
    exec_, compile_, getattr_, setattr_, type_ = exec, compile, getattr, setattr, type
    issubclass_ = issubclass
    str_, len_, isinstance_, list_, iter_, bool_ = str, len, isinstance, list, iter, bool
    stdout, stdout_flush = sys.stdout, sys.stdout.flush
    modules = sys.modules
    islice = itertools.islice

    def handle(v):
        objects.append(v)
        w = {"o": len_(objects) - 1, "type": str_(type_(v).__name__)[:100]}
        if isinstance_(v, type_) and issubclass_(v, BaseException_):
            w["raises"] = lineage(v)
        return w

    def lineage(t):
        return [("" if c.__module__ == "builtins" else "code.") + str_(c.__qualname__)[:100] for c in type_.mro(t)[:50]]

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
            message = str_(e.msg if isinstance_(e, SyntaxError_) else e)[:500]
        except BaseException_:
            message = ""
        if "ModuleNotFoundError" in names and isinstance_(e, ImportError_):
            message += missing(e.name)
        line = None
        tb = e.__traceback__
        while tb is not None:
            if tb.tb_frame.f_code.co_filename == "solution.py":
                line = tb.tb_lineno
            tb = tb.tb_next
        if isinstance_(e, SyntaxError_) and e.lineno:
            line = e.lineno
        w = {"kind": kind, "type": str_(t.__name__)[:100], "bases": names, "message": message, "line": line}
        if kind == "threw" and t.__module__ != "builtins" and len_(objects) < 1000000:
            objects.append(e)
            w["lineage"], w["o"] = lineage(t), len_(objects) - 1
        return w

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

    asyncio_run = asyncio.runners.run
    async def awaited(v):
        return await v

    def get(r):
        v = objects[r["o"]]
        what = r["what"]
        if what == "attr": return encode(getattr_(v, r["name"]))
        if what == "set": return setattr_(v, r["name"], decode(r["value"]))
        if what == "item": return encode(v[decode(r["key"])])
        if what == "put": v[decode(r["key"])] = decode(r["value"]); return None
        if what == "list": return encode(list_(islice(v, 1000000)))
        if what == "next": return encode(next(v))
        if what == "await": return encode(asyncio_run(awaited(v)))
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
`;

/**
 * Closes Pyodide's doors to JavaScript and everything that reaches out of the interpreter. Run once, before the
 * snapshot is taken; modules compiled into the interpreter are also struck from its table (see python.ts).
 */
export const lockdownSource = `
def asyncio_without_sockets():
    """An event loop of tasks and timers, in place of Pyodide's, which is JavaScript's."""
    import asyncio, time
    from asyncio import base_events, events, runners
    plain_sleep = time.sleep.__wrapped__
    def sleep(seconds):
        """Suspend execution for a number of seconds, in pieces between which it can be interrupted."""
        while seconds > 0.05:
            plain_sleep(0.05)
            seconds -= 0.05
        plain_sleep(seconds)
    time.sleep = sleep
    class Timers:
        def select(self, timeout):
            if timeout is None:
                raise RuntimeError("every task waits for something that never comes")
            if timeout > 0:
                time.sleep(timeout)
            return ()
    class Loop(base_events.BaseEventLoop):
        def __init__(self):
            super().__init__()
            self._selector = Timers()
        def _process_events(self, found):
            pass
        def _write_to_self(self):
            pass
    class Policy(events._BaseDefaultEventLoopPolicy):
        _loop_factory = Loop
    events._event_loop_policy = Policy()
    events._set_running_loop(None)
    asyncio.run = runners.run

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
    def _exit(status):
        "Leaving without clean-up ends the program and not the interpreter."
        raise SystemExit(status)
    os._exit = _exit
    if "posix" in sys.modules:
        sys.modules["posix"]._exit = _exit
    sys.excepthook = sys.__excepthook__
    asyncio_without_sockets()
    main = sys.modules["__main__"].__dict__
    for name in [name for name in main if not name.startswith("__")]:
        del main[name]
    gc.collect()
`;
