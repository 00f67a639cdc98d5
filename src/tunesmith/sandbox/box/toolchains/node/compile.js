// Compiles TypeScript, one source after another, in a process that stays warm: the library's
// declarations are read and bound once. Types are checked, as `tsc --target esnext FILE` checks them.
//
// A request is a length and JSON {code, tests}; the answer is a byte (1: compiled), a length, and the
// messages or JSON {code, tests} in JavaScript. A source sees the library's declarations and nothing else;
// none of it is run here.
'use strict';

const fs = require('fs');
const path = require('path');

const LINE = 3;
const NAME = 'program.ts';
const MOST_MESSAGES = 20;
const ts = require(path.join(process.argv[2], 'lib', 'typescript.js'));

const OPTIONS = { target: ts.ScriptTarget.ESNext, types: [], noEmitOnError: false };
const library = path.join(process.argv[2], 'lib');
const known = new Map(); // the library's files by name
let program; // the last one: it keeps what did not change

function parse(name, text) {
  return ts.createSourceFile(name, text, OPTIONS.target, true);
}

function hostOf(source) {
  return {
    getSourceFile(name) {
      if (name === NAME) return source;
      if (!known.has(name)) known.set(name, isLibrary(name) ? parse(name, fs.readFileSync(name, 'utf8')) : undefined);
      return known.get(name);
    },
    fileExists: (name) => name === NAME,
    readFile: () => undefined,
    getDefaultLibFileName: (options) => path.join(library, ts.getDefaultLibFileName(options)),
    getCurrentDirectory: () => '/',
    directoryExists: () => false,
    getDirectories: () => [],
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    writeFile: () => {},
  };
}

const isLibrary = (name) => path.dirname(name) === library && /^lib\..*d\.ts$/.test(path.basename(name));

function check(text) {
  const source = parse(NAME, text);
  program = ts.createProgram([NAME], OPTIONS, hostOf(source), program);
  return [
    ...program.getOptionsDiagnostics(),
    ...program.getSyntacticDiagnostics(source),
    ...program.getGlobalDiagnostics(),
    ...program.getSemanticDiagnostics(source),
  ];
}

const describe = ({ file, start, messageText, code }) => {
  const line = file ? `${file.fileName}(${file.getLineAndCharacterOfPosition(start).line + 1}): ` : '';
  return `${line}error TS${code}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
};

function emit(text) {
  const { outputText, diagnostics } = ts.transpileModule(text, { compilerOptions: OPTIONS, reportDiagnostics: true });
  return diagnostics.length ? null : outputText;
}

const errorsIn = (text) => check(text).filter((each) => each.category === ts.DiagnosticCategory.Error);

const lacksRequire = ({ start, messageText }, from) =>
  start >= from && /^Cannot find name 'require'/.test(ts.flattenDiagnosticMessageText(messageText, '\n'));

// Of program and tests as one file. Tests may take node's modules without declaring `require`.
function errors(code, tests) {
  const whole = tests ? `${code}\n${tests}` : code;
  const wrong = errorsIn(whole);
  if (!wrong.some((each) => lacksRequire(each, code.length))) return wrong;
  return errorsIn(`${whole}\ndeclare var require: any;`);
}

function compile({ code, tests }) {
  const wrong = errors(code, tests);
  if (wrong.length) return [0, wrong.slice(0, MOST_MESSAGES).map(describe).join('\n')];
  const parts = { code: emit(code), tests: tests ? emit(tests) : '' };
  if (parts.code === null || parts.tests === null) {
    return [1, JSON.stringify({ code: emit(`${code}\n${tests}`), tests: '' })];
  }
  return [1, JSON.stringify(parts)];
}

function read(size) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const got = fs.readSync(LINE, bytes, at, size - at);
    if (got === 0) process.exit(0);
    at += got;
  }
  return bytes;
}

function answer(compiled, text) {
  const body = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt8(compiled);
  head.writeUInt32BE(body.length, 1);
  const whole = Buffer.concat([head, body]);
  for (let at = 0; at < whole.length; ) at += fs.writeSync(LINE, whole, at);
}

function attempt(sources) {
  try {
    return compile(sources);
  } catch (error) {
    program = undefined;
    if (error instanceof RangeError) return [0, 'error: the source is nested too deeply'];
    throw error;
  }
}

check('');
for (;;) answer(...attempt(JSON.parse(read(read(4).readUInt32BE(0)).toString())));
