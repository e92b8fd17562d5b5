import { pythonCodec } from "./python-codec.ts";

/**
 * Python that holds the tests, in an interpreter of its own. It never sees an object of the guest, the
 * interpreter with the untrusted code: only values (`Wire`) and numbered stand-ins. So nothing that the
 * untrusted code patches, overrides or prints reaches a comparison: it can choose what its functions
 * return and nothing else.
 */
export const testerSource = `${pythonCodec}
import ast, unittest, asyncio

class Failed(BaseException):
    """What is no exception of the code: a limit, an exit, a dead interpreter. The tests cannot catch it."""
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
        if e.get("lineage") and not {"StopIteration", "StopAsyncIteration"} & set(e["bases"]):
            t = exception_class(e["lineage"])
            if t is not None:
                raised = t.__new__(t, e["message"])
                raised.remote = e
                raised.origin = Remote(e)
                raise raised
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
        def __await__(self):
            return decode(self._get("await"))
            yield
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

    class RemoteClass(type):
        """Of exception classes that the code defines: the tests can catch them; what else they do happens there."""
        def __call__(cls, *args, **kwargs):
            return remote_call(cls.origin, False, args, kwargs)
        def __getattr__(cls, name):
            return getattr(type.__getattribute__(cls, "origin"), name)

    exceptions = {}
    def exception_class(names, origin=None):
        """The code's class as the tests see it: its name, and the names of what it derives from."""
        t = None
        for name in reversed(names):
            if not name.startswith("code."):
                known = getattr(builtins, name, None)
                if isinstance(known, type) and issubclass(known, BaseException):
                    t = known
            elif t is not None and name in exceptions:
                t = exceptions[name]
            elif t is not None and issubclass(t, Exception):
                t = exceptions[name] = RemoteClass(name[5:].split(".")[-1], (t,), {"__getattr__": of_origin})
        if origin is not None and isinstance(t, RemoteClass):
            t.origin = origin
        return t if isinstance(t, RemoteClass) else None

    def of_origin(self, name):
        if name in ("origin", "remote") or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.origin, name)

    def handle(v):
        if type(v) is Remote:
            return {"o": v._o}
        if isinstance(v, RemoteClass) and "origin" in v.__dict__:
            return {"o": v.origin._o}
        if isinstance(v, (types.FunctionType,)) and not v.__code__.co_freevars:
            return {"l": [marshal.dumps(v.__code__).hex(), encode(v.__defaults__), encode(v.__kwdefaults__)]}
        module, name = getattr(v, "__module__", None), getattr(v, "__qualname__", None)
        if isinstance(v, (type, types.BuiltinFunctionType)) and isinstance(module, str) and module != "tests":
            return {"n": [module, name]}
        raise TypeError("the tests pass an object of type %s, which cannot be handed to the code" % type(v).__name__)

    def resolve(key, x, w):
        if key == "o":
            return w.get("raises") and exception_class(w["raises"], Remote(w)) or Remote(w)
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
        if not remote and isinstance(e, ModuleNotFoundError):
            where = missing(e.name)
        return code, "%s: %s%s" % (name, str(e)[:500], where)

    optional = set()
    class Rewrite(ast.NodeTransformer):
        guarded = False
        branch = False
        def block(self, statements, guarded, branch):
            before = self.guarded, self.branch
            self.guarded, self.branch = guarded, branch
            new = []
            for statement in statements:
                visited = self.visit(statement)
                new.extend(visited if isinstance(visited, list) else [visited])
            self.guarded, self.branch = before
            return new
        def visit_Try(self, node):
            node.body = self.block(node.body, self.guarded or bool(node.handlers), self.branch)
            for handler in node.handlers:
                handler.body = self.block(handler.body, self.guarded, True)
            node.orelse = self.block(node.orelse, self.guarded, True)
            node.finalbody = self.block(node.finalbody, self.guarded, self.branch)
            if node.handlers:
                again = ast.ExceptHandler(ast.Name("_guerdon_Failed", ast.Load()), None, [ast.Raise()])
                node.handlers.insert(0, again)
            return ast.fix_missing_locations(node)
        def visit_If(self, node):
            node.test = self.visit(node.test)
            node.body = self.block(node.body, self.guarded, True)
            node.orelse = self.block(node.orelse, self.guarded, True)
            return node
        def visit_FunctionDef(self, node):
            # Whoever calls it may stand in a try statement, or not.
            node.body = self.block(node.body, False, node.name not in self.called and not node.name.startswith("test") and node.name != "check")
            return node
        def visit_ClassDef(self, node):
            node.body = self.block(node.body, False, True)
            return node
        def visit_Assert(self, node):
            self.generic_visit(node)
            i = len(checks)
            checks.append(None)
            if self.branch or isinstance(node.test, ast.Constant) and not node.test.value:
                optional.add(i)
            text = ast.unparse(node.test)
            text = text if len(text) <= 200 else text[:200] + "..."
            call = lambda name, *args: ast.Call(ast.Name("_guerdon_" + name, ast.Load()), list(args), [])
            t = node.test
            if isinstance(t, ast.Compare) and len(t.ops) == 1 and isinstance(t.ops[0], ast.Eq):
                body = call("equal", ast.Constant(i), ast.Constant(text), t.left, t.comparators[0])
            else:
                body = call("true", ast.Constant(i), ast.Constant(text), t)
            if self.guarded:
                optional.add(i)
                # An exception is for the handlers of the tests.
                return ast.fix_missing_locations(ast.copy_location(ast.Expr(body), node))
            failed = ast.Expr(call("error", ast.Constant(i), ast.Name("_guerdon_e", ast.Load())))
            new = ast.Try([ast.Expr(body)], [ast.ExceptHandler(ast.Name("_guerdon_Exception", ast.Load()), "_guerdon_e", [failed])], [], [])
            return ast.fix_missing_locations(ast.copy_location(new, node))
        def visit_Expr(self, node):
            self.generic_visit(node)
            if isinstance(node.value, ast.Call) and isinstance(node.value.func, (ast.Name, ast.Attribute)):
                f = node.value.func
                node.value.func = ast.copy_location(ast.Call(ast.Name("_guerdon_inplace", ast.Load()), [f], []), f)
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

    own_modules = ("solution", "main", "code_under_test", "your_module")
    def renamed(statement, loaded):
        names = [a for a in statement.names if a.name != "*"]
        loaded.update(a.name for a in names)
        other = [a for a in names if a.asname and a.asname != a.name]
        if not other:
            return ast.copy_location(ast.Pass(), statement)
        target = ast.Tuple([ast.Name(a.asname, ast.Store()) for a in other], ast.Store())
        value = ast.Tuple([ast.Name(a.name, ast.Load()) for a in other], ast.Load())
        return ast.fix_missing_locations(ast.copy_location(ast.Assign([target], value), statement))

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
        exceptions.clear()
        optional.clear()
        entry = request.get("entryPoint")
        try:
            tree = ast.parse(request["source"])
            loaded = set()
            for node in ast.walk(tree):
                body = getattr(node, "body", None)
                if isinstance(body, list):
                    for i, statement in enumerate(body):
                        # The code's own module: its names are there already.
                        if isinstance(statement, ast.ImportFrom) and statement.module in own_modules and not statement.level:
                            body[i] = renamed(statement, loaded)
            loaded |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
            called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
            own = bound_names(tree)
            if entry and "." not in entry:
                loaded.add(entry)
            wanted = sorted(loaded - own)
            defined = ask({"op": "names", "names": wanted})
            foreign = [n for n in wanted if n in defined and not hasattr(builtins, n)]
            ns = {"__name__": "tests", "_guerdon_equal": equal, "_guerdon_true": true, "_guerdon_error": error,
                "_guerdon_inplace": inplace, "_guerdon_Exception": (Exception, Failed), "_guerdon_Failed": Failed}
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
            rewrite = Rewrite()
            rewrite.called = called
            tree = rewrite.visit(tree)
            has_check = any(isinstance(n, ast.FunctionDef) and n.name == "check" for n in tree.body)
            if entry and has_check and "check" not in called:
                tree.body.append(ast.Expr(ast.Call(ast.Name("check", ast.Load()), [ast.Name(entry, ast.Load())], [])))
            exec(compile(ast.fix_missing_locations(tree), "tests.py", "exec", dont_inherit=True), ns)
            for name, v in list(ns.items()):
                # As pytest does; unless the tests call it themselves.
                if name.startswith("test") and isinstance(v, types.FunctionType) and name not in called and not v.__code__.co_argcount:
                    try:
                        v()
                    except (Exception, Failed) as e:
                        code, message = explain(e)
                        checks.append({"passed": False, "message": name + ": " + message, "code": code})
            cases = [v for v in ns.values() if isinstance(v, type) and issubclass(v, unittest.TestCase)]
            for case in unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, cases)):
                for one in case:
                    i = len(checks)
                    checks.append(None)
                    result = unittest.TestResult()
                    one(result)
                    bad = result.failures + result.errors
                    record(i, not bad and not result.skipped, bad[0][1].strip().splitlines()[-1] if bad else "")
        except (Exception, Failed) as e:
            code, message = explain(e)
            unreached = [i for i, c in enumerate(checks) if c is None]
            for i in unreached:
                checks[i] = {"passed": False, "message": "not reached: " + message, "code": code}
            if not unreached and not (checks and any(not c["passed"] for c in checks)):
                checks.append({"passed": False, "message": message, "code": code})
            optional.clear()
        for i, c in enumerate(checks):
            if c is None:
                checks[i] = {"passed": False, "message": "not reached"}
        return json.dumps([c for i, c in enumerate(checks) if c["message"] != "not reached" or i not in optional])

    return tester
`;
