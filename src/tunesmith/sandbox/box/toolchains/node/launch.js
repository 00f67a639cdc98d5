// Runs a program and its tests, and says the last word once both have come to their natural end.
//
// Both share one realm, as tests want it, so the program could reach whatever the tests use. Therefore
// the language's own objects are locked before it runs, modules that the tests name are frozen, and the
// tests are a script of their own, with a `require` from here. Node's permission model closes the ways
// into this file's variables: inspector, bindings, add-ons, threads. The word lies outside of the heap,
// where no heap snapshot shows it. What happens after the program has started uses nothing that the
// program could have replaced.
'use strict';

const fs = require('fs');
const Module = require('module');
const path = require('path');
const vm = require('vm');
const { lockLanguage, lockMethods, lockNames } = require('./lock.js');

const LINE = 3;
const FAILED = Buffer.from('failed');
const BROKE = 2; // exit code: the program ended with an error before its tests began
const OURS = /\n +at (?:[^\n]*\()?(?:node:|[^\n]*launch\.js)[^\n]*/g; // lines of a trace
const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname'];

const { defineProperty, freeze } = Object;
const { apply } = Reflect;
const { readSync, writeSync } = fs;
const { emit, getActiveResourcesInfo, reallyExit } = process;
const later = setImmediate;

const word = hear(16);
const { code, tests, name } = JSON.parse(hear(hear(4).readUInt32LE(0)).toString());
let phase = 'program';
let ending = false;
let noted; // the exit code that the tests set
const unsettled = new Set(); // promises that the tests began

function hear(size) {
  const bytes = Buffer.allocUnsafeSlow(size);
  for (let at = 0; at < size; ) {
    const got = readSync(LINE, bytes, at, size - at);
    if (got === 0) throw new Error('nothing to run');
    at += got;
  }
  return bytes;
}

function leave(status, said) {
  ending = true;
  if (said) writeSync(LINE, said, 0, said.length);
  apply(reallyExit, process, [status]);
}

function fail(error) {
  if (ending) return;
  ending = true;
  let said = null;
  try {
    const known = error !== null && typeof error === 'object';
    if (phase === 'tests' && known && error.code === 'ERR_ASSERTION') said = FAILED;
    const text = known && typeof error.stack === 'string' ? error.stack : String(error);
    writeSync(2, `Uncaught ${text.replace(OURS, '')}\n`);
  } catch {}
  leave(phase === 'program' ? BROKE : 1, said);
}

// ---- the end

// What the event loop waits for, beside the standard streams, which are named but never waited for.
function pending() {
  const found = apply(getActiveResourcesInfo, process, []);
  let count = 0;
  for (let i = 0; i < found.length; i++) if (found[i] !== 'PipeWrap' && found[i] !== 'TTYWrap') count++;
  return count;
}

// The event loop has nothing left, or someone pretends so: look again after all promises have moved on.
function drained() {
  if (phase !== 'tests' || ending || pending() > 0) return;
  later(() => {
    if (ending || pending() > 1) return; // one is this immediate itself
    if (unsettled.size) fail(new Error('the tests still wait for a promise'));
    else finish(noted || process.exitCode);
  });
}

function finish(status) {
  process._exiting = true;
  apply(emit, process, ['exit', status || 0]);
  if (!ending) leave(status || 0, status ? null : word);
}

// What the tests know as `process`: they may end the program and mean it, and an exit code that they
// set is not taken back.
function theirProcess() {
  const exit = (status) => finish(status || noted);
  const exitCode = {
    get: () => noted,
    set: (status) => {
      noted = noted || status;
    },
  };
  return Object.create(process, { exit: { value: exit }, exitCode });
}

// ---- the program and its tests

// Programs read their input by a name that may not be opened again, and what they may not see is not there.
function lendFiles() {
  const { existsSync, readFileSync } = fs;
  fs.readFileSync = (from, options) => readFileSync(from === '/dev/stdin' ? 0 : from, options);
  fs.existsSync = (at) => {
    try {
      return existsSync(at);
    } catch {
      return false;
    }
  };
}

function watchPromises() {
  const { promiseHooks } = require('v8');
  promiseHooks.createHook({
    init: (promise) => {
      if (phase === 'starting tests') unsettled.add(promise);
    },
    settled: (promise) => {
      unsettled.delete(promise);
    },
  });
}

function parses(text) {
  try {
    vm.compileFunction(text, PARAMETERS);
    return true;
  } catch {
    return false;
  }
}

// Whether the tests seem to assign to a name that nobody declares, which strict code forbids.
function assignsUndeclared() {
  const both = `${code}\n${tests}`;
  for (const [, found] of tests.matchAll(/(?:^|[;{}(])\s*([A-Za-z_$][\w$]*)\s*(?:=(?![=>])|\+\+|--|[-+*/]=)/gm)) {
    const at = `(?<![\\w$])${found.replace(/\$/g, '\\$')}(?![\\w$])`;
    const declared = `\\b(?:var|let|const|function|class)\\b[^;\\n]*${at}|\\([^()]*${at}[^()]*\\)\\s*=>|${at}\\s*=>`;
    if (!new RegExp(declared).test(both)) return true;
  }
  return false;
}

// Strict where that can be, since the program could read the text of a sloppy function that calls it.
function compileTests(parameters) {
  const text = `{${tests}\n}`;
  const options = { filename: 'tests.js' };
  if (!assignsUndeclared()) {
    try {
      return vm.compileFunction(`'use strict';${text}`, parameters, options);
    } catch {}
  }
  return vm.compileFunction(text, parameters, options);
}

// Modules that the tests ask for, as they are before the program runs.
function theirRequire(require) {
  const own = new Map();
  for (const [, id] of tests.matchAll(/\brequire\s*\(\s*['"`](?:node:)?([\w/]+)['"`]/g)) {
    if (!Module.builtinModules.includes(id) || id === 'process') continue;
    const found = require(id);
    freeze(found);
    if (found.prototype) freeze(found.prototype);
    if (found.strict) freeze(found.strict);
    own.set(id, found);
  }
  const { get } = Map.prototype;
  const { replace } = String.prototype;
  return (id) => apply(get, own, [apply(replace, id, ['node:', ''])]) || require(id);
}

function main() {
  const filename = path.resolve(name);
  process.argv[1] = filename;
  const module = (process.mainModule = new Module(filename));
  module.filename = filename;
  const require = Module.createRequire(filename);
  const scope = [module.exports, require, module, filename, process.cwd()];
  process.setUncaughtExceptionCaptureCallback(fail);
  process.reallyExit = (status) => leave(status, null);
  process.setUncaughtExceptionCaptureCallback = () => {};
  lockMethods(process, ['reallyExit', 'exit', 'setUncaughtExceptionCaptureCallback']);
  process.on('beforeExit', drained);
  lendFiles();
  if (!tests) {
    const run = vm.compileFunction(code, PARAMETERS, { filename });
    apply(run, module.exports, scope);
    phase = 'tests';
    return;
  }
  const whole = `${code}\n${tests}`;
  vm.compileFunction(whole, PARAMETERS, { filename }); // they must be one file's worth
  const apart = parses(tests);
  PARAMETERS.forEach((key, i) => defineProperty(globalThis, key, { value: scope[i], writable: true, configurable: true }));
  const program = new vm.Script(apart ? code : whole, { filename });
  lockLanguage();
  if (!apart) {
    program.runInThisContext();
    phase = 'tests';
    return;
  }
  const parameters = /\bprocess\b/.test(tests) ? [...PARAMETERS, 'process'] : PARAMETERS;
  const test = compileTests(parameters);
  const theirs = [module.exports, theirRequire(require), module, filename, process.cwd(), theirProcess()];
  lockNames(tests);
  if (/\basync\b|\bthen\b|\bPromise\b/.test(tests)) watchPromises();
  program.runInThisContext();
  phase = 'starting tests';
  apply(test, module.exports, theirs);
  phase = 'tests';
}

try {
  main();
} catch (error) {
  if (phase === 'starting tests') phase = 'tests';
  fail(error);
}
