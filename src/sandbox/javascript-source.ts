/**
 * JavaScript that runs inside the two QuickJS engines of a JavaScript sandbox, before anything else does.
 *
 * The *guest* holds the untrusted code, the *tester* the tests; as in Python (python-tester.ts), only values
 * (`Wire`) and numbered stand-ins pass between them, so nothing that the code patches reaches a comparison.
 */
const codec = `
  const { stringify, parse } = JSON;
  const { isArray } = Array;
  const { getPrototypeOf, keys, fromEntries } = Object;
  const { isSafeInteger } = Number;
  let budget = 0;
  const begin = () => { budget = 1000000; };
  function encode(v, handle, depth = 0) {
    if (--budget < 0) throw new RangeError("value too large");
    if (depth > 150) throw new RangeError("value nested too deeply");
    if (v === null || typeof v === "boolean") return v;
    if (typeof v === "string") { budget -= v.length >> 4; return v; }
    if (v === undefined) return { u: 1 };
    if (typeof v === "number") return isSafeInteger(v) && !Object.is(v, -0) ? v : { f: Object.is(v, -0) ? "-0" : "" + v };
    if (typeof v === "bigint") return { i: (v < 0n ? "-0x" : "0x") + (v < 0n ? -v : v).toString(16) };
    if (typeof v === "object") {
      const next = (x) => encode(x, handle, depth + 1);
      if (isArray(v)) {
        const list = [];
        if (v.length > budget) throw new RangeError("value too large");
        for (let i = 0; i < v.length; i++) list[i] = next(v[i]);
        return list;
      }
      const proto = getPrototypeOf(v);
      if (proto === Object.prototype || proto === null) return { d: keys(v).map((key) => [key, next(v[key])]) };
      if (proto === Set.prototype) return { s: [...v].map(next) };
      if (proto === Map.prototype) return { M: [...v].map(([key, item]) => [next(key), next(item)]) };
      if (proto === Date.prototype) return { T: "" + v.getTime() };
      if (ArrayBuffer.isView(v) && !(v instanceof DataView)) return { A: [v.constructor.name, [...v].map(next)] };
    }
    return handle(v);
  }
  function decode(w, resolve) {
    if (w === null || typeof w !== "object") return w;
    const next = (x) => decode(x, resolve);
    if (isArray(w)) return w.map(next);
    if ("u" in w) return undefined;
    if ("f" in w) return Number(w.f);
    if ("i" in w) return w.i[0] === "-" ? -BigInt(w.i.slice(1)) : BigInt(w.i);
    if ("d" in w) return fromEntries(w.d.map(([key, x]) => [key, next(x)]));
    if ("s" in w) return new Set(w.s.map(next));
    if ("M" in w) return new Map(w.M.map(([key, x]) => [next(key), next(x)]));
    if ("T" in w) return new Date(Number(w.T));
    if ("A" in w) {
      const types = { Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array };
      return types[w.A[0]].from(w.A[1].map(next));
    }
    return resolve(w);
  }
  function inspect(v, depth = 0) {
    if (typeof v === "string") return depth === 0 ? v : "'" + v.replace(/\\\\/g, "\\\\\\\\").replace(/'/g, "\\\\'").replace(/\\n/g, "\\\\n") + "'";
    if (typeof v === "bigint") return v + "n";
    if (Object.is(v, -0)) return "-0";
    if (typeof v === "function") return (/^class\\b/.test(Function.prototype.toString.call(v)) ? "[class " : "[Function: ") + (v.name || "(anonymous)") + "]";
    if (typeof v === "symbol") return v.toString();
    if (v === null || typeof v !== "object") return "" + v;
    if (v instanceof Error) return v.stack ? v.name + ": " + v.message + "\\n" + v.stack : v.name + ": " + v.message;
    if (depth > 2) return isArray(v) ? "[Array]" : "[Object]";
    const next = (x) => inspect(x, depth + 1);
    if (isArray(v)) return v.length === 0 ? "[]" : "[ " + v.slice(0, 100).map(next).join(", ") + (v.length > 100 ? ", ... " + (v.length - 100) + " more items" : "") + " ]";
    if (v instanceof Set) return "Set(" + v.size + ") {" + (v.size ? " " + [...v].map(next).join(", ") + " " : "") + "}";
    if (v instanceof Map) return "Map(" + v.size + ") {" + (v.size ? " " + [...v].map(([k, x]) => next(k) + " => " + next(x)).join(", ") + " " : "") + "}";
    if (v instanceof Date) return v.toISOString();
    if (v instanceof RegExp) return "" + v;
    const name = getPrototypeOf(v) === null ? "[Object: null prototype] " : v.constructor === Object || !v.constructor ? "" : v.constructor.name + " ";
    const items = keys(v).map((key) => (/^[A-Za-z_$][\\w$]*$/.test(key) ? key : "'" + key + "'") + ": " + next(v[key]));
    return name + (items.length ? "{ " + items.join(", ") + " }" : "{}");
  }
`;

/** `(write, readInput, exit) => agent`: what Node gives a program, as far as solutions use it. */
export const guestSource = `(function (write, readInput, exit) {
${codec}
  const geval = eval;
  const timers = [];
  let clock = 0, serial = 0;
  const line = (...args) => write(args.map((x) => inspect(x)).join(" ") + "\\n");
  const set = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  set("console", { log: line, info: line, debug: line, error() {}, warn() {}, trace() {}, assert() {}, time() {}, timeEnd() {}, table: line });
  const addTimer = (f, delay, repeat, args) => { timers.push({ id: ++serial, at: clock + (Number(delay) || 0), f, args, repeat }); return serial; };
  const dropTimer = (id) => { const i = timers.findIndex((t) => t.id === id); if (i >= 0) timers.splice(i, 1); };
  set("setTimeout", (f, delay, ...args) => addTimer(f, delay, false, args));
  set("setInterval", (f, delay, ...args) => addTimer(f, Math.max(1, delay || 1), true, args));
  set("setImmediate", (f, ...args) => addTimer(f, 0, false, args));
  set("clearTimeout", dropTimer); set("clearInterval", dropTimer); set("clearImmediate", dropTimer);
  set("queueMicrotask", (f) => { Promise.resolve().then(f); });
  set("structuredClone", (v) => { begin(); return decode(encode(v, () => { throw new TypeError("cannot be cloned"); })); });
  set("global", globalThis);
  let input = null;
  const all = () => (input ??= readInput());
  const lines = () => { const l = all().split("\\n"); if (l.at(-1) === "") l.pop(); return l; };
  const stdinEvents = {
    setEncoding() { return this; }, resume() { return this; }, fd: 0, isTTY: false,
    on(event, f) { if (event === "data") addTimer(() => f(all()), 0, false, []); if (event === "end" || event === "close") addTimer(f, 1, false, []);
      if (event === "readable") { let done = false; this.read = () => { if (done) return null; done = true; return all(); }; addTimer(f, 0, false, []); } return this; },
    once(event, f) { return this.on(event, f); },
    async *[Symbol.asyncIterator]() { yield all(); },
  };
  const process = { argv: ["node", "solution.js"], env: {}, exitCode: 0, stdin: stdinEvents, stdout: { write(x) { write("" + x); return true; } }, stderr: { write() { return true; } },
    exit(code) { exit(Number(code ?? process.exitCode) || 0); throw new Error("exit"); }, on() { return process; }, nextTick(f, ...a) { Promise.resolve().then(() => f(...a)); }, hrtime: Object.assign(() => [0, 0], { bigint: () => 0n }), memoryUsage: () => ({ heapUsed: 0 }), platform: "sandbox", version: "v0", cwd: () => "/" };
  set("process", process);
  const fsModule = { readFileSync(file, options) { if (file !== 0 && file !== "/dev/stdin") throw new Error("ENOENT: no such file: " + file); return all(); }, writeSync(fd, x) { if (fd === 1) write("" + x); }, writeFileSync(file, x) { if (file !== 1 && file !== "/dev/stdout") throw new Error("EROFS: read-only file system"); write("" + x); } };
  const readline = { createInterface() {
    const handlers = {};
    const face = { on(event, f) { handlers[event] = f; if (event === "line") addTimer(() => { for (const l of lines()) handlers.line(l); }, 0, false, []); if (event === "close") addTimer(f, 1, false, []); return face; },
      once(event, f) { return face.on(event, f); }, close() {}, question(q, f) { write(q); addTimer(() => f(lines().shift() ?? ""), 0, false, []); },
      async *[Symbol.asyncIterator]() { yield* lines(); } };
    return face; } };
  const modules = { fs: fsModule, readline, util: { inspect: (x) => inspect(x, 1) }, process };
  set("require", (name) => { const m = modules[("" + name).replace(/^node:/, "")]; if (!m) throw new Error("Cannot find module '" + name + "'"); return m; });
  set("module", { exports: {} }); set("exports", globalThis.module.exports);

  const objects = [];
  const handle = (v) => { objects.push(v); return { o: objects.length - 1, type: typeof v === "function" ? "function" : ((v.constructor && v.constructor.name) || "object") + "" }; };
  const resolve = (w) => { if ("o" in w) return objects[w.o]; if ("l" in w) return geval("(" + w.l + ")"); throw new TypeError("unknown value"); };
  const enc = (v) => encode(v, handle), dec = (w) => decode(w, resolve);
  const identifier = /^[A-Za-z_$][\\w$]*$/;
  const find = (name) => {
    if (identifier.test(name)) {
      try { if (geval("typeof " + name) !== "undefined") return { value: geval(name) }; } catch { return null; }
      const exported = globalThis.module && globalThis.module.exports;
      if (exported && (typeof exported === "object" || typeof exported === "function") && name in exported) return { value: exported[name] };
      if (typeof exported === "function" && exported.name === name) return { value: exported };
      if (geval("typeof Solution") === "function") { const s = geval("new Solution()"); if (typeof s[name] === "function") return { value: (...args) => s[name](...args) }; }
      return null;
    }
    const [first, ...rest] = name.split(".");
    let v = find(first); if (!v) return null; v = v.value;
    for (const key of rest) { const owner = v; v = owner[key]; if (typeof v === "function") v = v.bind(owner); }
    return { value: v };
  };
  let settled = null;
  const settle = (v) => {
    if (v && typeof v === "object" && typeof v.then === "function") {
      settled = { pending: true };
      const mine = settled;
      v.then((x) => { mine.pending = false; mine.value = x; }, (e) => { mine.pending = false; mine.error = e; mine.failed = true; });
      return { pending: true };
    }
    return { value: enc(v) };
  };
  const ops = {
    names(r) { const result = {}; for (const name of r.names) { const v = find(name); if (v && !(name in {} )) result[name] = enc(v.value); } return result; },
    call(r) {
      let f;
      if ("name" in r) { const v = find(r.name); if (!v) throw new ReferenceError(r.name + " is not defined"); f = v.value; } else f = objects[r.o];
      if (typeof f !== "function") throw new TypeError((r.name || "value") + " is not a function");
      const args = r.args.map(dec);
      if (r.construct) return { value: enc(Reflect.construct(f, args)) };
      return settle(Reflect.apply(f, r.self === undefined ? undefined : dec(r.self), args));
    },
    settled() {
      if (!settled || settled.pending) throw new Error("the promise is never settled");
      const s = settled; settled = null;
      if (s.failed) throw s.error;
      return { value: enc(s.value) };
    },
    get(r) { return { value: enc(objects[r.o][r.key]) }; },
    set(r) { objects[r.o][r.key] = dec(r.value); return {}; },
    has(r) { return { value: r.key in objects[r.o] }; },
    list(r) { const list = []; for (const x of objects[r.o]) { list.push(x); if (list.length > 100000) throw new RangeError("endless"); } return { value: enc(list) }; },
    timer() {
      if (timers.length === 0) return { value: false };
      let next = 0;
      for (let i = 1; i < timers.length; i++) if (timers[i].at < timers[next].at) next = i;
      const t = timers.splice(next, 1)[0];
      clock = t.at;
      if (t.repeat) timers.push({ ...t, at: clock + 1 });
      t.f(...t.args);
      return { value: true };
    },
    ping() { return {}; },
  };
  return (text) => {
    try { const r = parse(text); begin(); return stringify({ ok: ops[r.op](r) }); }
    catch (e) {
      let type = "Error", message = "";
      try { type = "" + (e && e.name || typeof e); message = ("" + (e && e.message !== undefined ? e.message : e)).slice(0, 500); } catch {}
      return stringify({ error: { kind: /out of memory/.test(message) ? "memory" : "threw", type, message } });
    }
  };
})`;

/** `(ask, record) => names => prepare`: the test vocabulary (assert, expect, console.assert, describe, test). */
export const testerSource = `(function (askHost) {
${codec}
  class Failed extends Error {}
  const ask = (r) => {
    const reply = parse(askHost(stringify(r)));
    if (!reply.error) return reply.ok;
    const e = reply.error;
    if (e.kind !== "threw") { const failed = new Failed(e.message); failed.code = e.kind; throw failed; }
    const Type = { TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError }[e.type] ?? Error;
    const error = new Type(e.message);
    if (Type === Error) Object.defineProperty(error, "name", { value: e.type });
    error.remote = true;
    throw error;
  };
  const remotes = new WeakMap();
  const handle = (v) => {
    const o = remotes.get(v);
    if (o !== undefined) return { o };
    if (typeof v === "function") return { l: Function.prototype.toString.call(v) };
    throw new TypeError("the tests pass an object that cannot be handed to the code");
  };
  const enc = (v) => (remotes.has(v) ? handle(v) : encode(v, handle));
  const dec = (w) => decode(w, (x) => remote(x));
  function remote({ o, type }, self) {
    const target = type === "function" ? function () {} : {};
    const proxy = new Proxy(target, {
      get(_t, key) {
        if (key === Symbol.iterator) return function* () { yield* dec(ask({ op: "list", o }).value); };
        if (typeof key === "symbol" || key === "then") return undefined;
        const w = ask({ op: "get", o, key }).value;
        return w !== null && typeof w === "object" && "o" in w && w.type === "function" ? remote(w, { o }) : dec(w);
      },
      set(_t, key, value) { begin(); ask({ op: "set", o, key: "" + key.toString(), value: enc(value) }); return true; },
      has(_t, key) { return typeof key === "string" && ask({ op: "has", o, key }).value === true; },
      apply(_t, _this, args) { begin(); return dec(ask({ op: "call", o, args: args.map(enc), ...(self ? { self } : {}) }).value); },
      construct(_t, args) { begin(); return dec(ask({ op: "call", o, construct: true, args: args.map(enc) }).value); },
      ownKeys(t) { return Reflect.ownKeys(t); },
    });
    remotes.set(proxy, o);
    return proxy;
  }
  const checks = [];
  const record = (passed, message, code) => {
    checks.push({ passed: passed === true, message: passed ? "" : ("" + message).slice(0, 1000), ...(code ? { code } : {}) });
    askHost(stringify({ op: "check", index: checks.length - 1, check: checks.at(-1) }));
  };
  const show = (v) => { let s; try { s = remotes.has(v) ? "[an object of the code]" : inspect(v, 1); } catch { s = "?"; } return s.slice(0, 200); };
  function same(a, b, strict) {
    if (Object.is(a, b)) return true;
    if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return strict ? false : a == b && typeof a !== "object" && typeof b !== "object";
    if (remotes.has(a) || remotes.has(b) || getPrototypeOf(a) !== getPrototypeOf(b)) return false;
    if (a instanceof Date) return a.getTime() === b.getTime();
    if (a instanceof Set) return a.size === b.size && [...a].every((x) => b.has(x) || [...b].some((y) => same(x, y, strict)));
    if (a instanceof Map) return a.size === b.size && [...a].every(([k, x]) => b.has(k) && same(x, b.get(k), strict));
    const ka = keys(a), kb = keys(b);
    return ka.length === kb.length && (!isArray(a) || a.length === b.length) && ka.every((k) => Object.hasOwn(b, k) && same(a[k], b[k], strict));
  }
  const truth = (v, m) => record(!!v, m !== undefined ? m : "not true: " + show(v));
  const equal = (a, b, strict, deep) => record(deep ? same(a, b, strict) : strict ? Object.is(a, b) : same(a, b, false), "got " + show(a) + ", expected " + show(b));
  const thrown = (f) => { try { const v = f(); return { v }; } catch (e) { if (e instanceof Failed) throw e; return { e }; } };
  const assert = Object.assign((v, m) => truth(v, m), {
    ok: (v, m) => truth(v, m), equal: (a, b) => equal(a, b, false, false), strictEqual: (a, b) => equal(a, b, true, false),
    deepEqual: (a, b) => equal(a, b, false, true), deepStrictEqual: (a, b) => equal(a, b, true, true),
    notEqual: (a, b) => record(!same(a, b, false), "got " + show(a)), notStrictEqual: (a, b) => record(!Object.is(a, b), "got " + show(a)),
    notDeepEqual: (a, b) => record(!same(a, b, false), "got " + show(a)), notDeepStrictEqual: (a, b) => record(!same(a, b, true), "got " + show(a)),
    throws: (f) => { const t = thrown(f); record("e" in t, "did not throw"); }, doesNotThrow: (f) => { const t = thrown(f); record(!("e" in t), "threw"); },
    fail: (m) => record(false, m ?? "failed"), match: (s, r) => record(r.test(s), "no match"),
  });
  assert.strict = assert; assert.default = assert;
  const expect = (a) => {
    const make = (negate) => {
      const judge = (ok, b) => record(negate ? !ok : !!ok, "got " + show(a) + ", expected " + (negate ? "not " : "") + show(b));
      return { toBe: (b) => judge(Object.is(a, b), b), toEqual: (b) => judge(same(a, b, true), b), toStrictEqual: (b) => judge(same(a, b, true), b),
        toBeTruthy: () => judge(a, true), toBeFalsy: () => judge(!a, false), toBeNull: () => judge(a === null, null), toBeUndefined: () => judge(a === undefined, undefined), toBeDefined: () => judge(a !== undefined, "a value"), toBeNaN: () => judge(Number.isNaN(a), NaN),
        toBeCloseTo: (b, d = 2) => judge(typeof a === "number" && Math.abs(a - b) < 10 ** -d / 2, b), toBeGreaterThan: (b) => judge(typeof a === typeof b && a > b, b), toBeGreaterThanOrEqual: (b) => judge(typeof a === typeof b && a >= b, b), toBeLessThan: (b) => judge(typeof a === typeof b && a < b, b), toBeLessThanOrEqual: (b) => judge(typeof a === typeof b && a <= b, b),
        toContain: (b) => judge((typeof a === "string" || isArray(a)) && a.includes(b), b), toContainEqual: (b) => judge(isArray(a) && a.some((x) => same(x, b, true)), b), toHaveLength: (b) => judge(a != null && !remotes.has(a) && a.length === b, b), toMatch: (b) => judge(typeof a === "string" && (b.test ? b.test(a) : a.includes(b)), b),
        toThrow: () => { const t = thrown(a); judge("e" in t, "an error"); } };
    };
    return { ...make(false), not: make(true) };
  };
  const set = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  const group = (_n, f) => f();
  const one = (_n, f) => { try { const r = f(); if (r && typeof r.then === "function") r.then(undefined, fault); } catch (e) { fault(e); } };
  set("assert", assert); set("expect", expect); set("describe", group); set("it", one); set("test", one);
  set("console", { assert: (v, ...m) => truth(v, m.length ? m.join(" ") : undefined), log() {}, error() {}, info() {}, warn() {}, debug() {} });
  set("require", (name) => { if (/^(?:node:)?assert(?:\\/strict)?$/.test(name)) return assert; throw new Error("Cannot find module '" + name + "'"); });
  const own = new Set(Object.getOwnPropertyNames(globalThis));
  function fault(e) {
    const code = e instanceof Failed ? (e.code === "exit" ? "exited" : e.code) : e && (e.remote || e instanceof ReferenceError || e instanceof TypeError) ? "threw" : e instanceof SyntaxError ? "tests" : "threw";
    let message = ""; try { message = e instanceof Failed ? e.message : (e && e.name ? e.name + ": " : "") + (e && e.message !== undefined ? e.message : e); } catch {}
    record(false, message, code);
  }
  return (op, text, count) => {
    if (op === "bind") {
      const names = [...new Set(text.match(/(?<![.\\w$])[A-Za-z_$][\\w$]*/g) ?? [])].filter((name) => !own.has(name));
      const defined = ask({ op: "names", names });
      for (const name of names) if (Object.hasOwn(defined, name)) set(name, dec(defined[name]));
      return "";
    }
    if (op === "fault") { fault(text); return ""; }
    for (let i = checks.length; i < count; i++) checks.push({ passed: false, message: "not reached", code: "threw" });
    return stringify(checks);
  };
})`;
