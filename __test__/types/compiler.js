'use strict';

// The TypeScript compiler as the type tests use it: files that exist on disk and files that exist only here, in one
// program, so that the libraries' declarations are read once.

const fs = require('node:fs');
const path = require('node:path');
const ts = require('typescript');

const root = path.join(__dirname, '..', '..');

const strict = {
  strict: true,
  noEmit: true,
  exactOptionalPropertyTypes: true,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  skipLibCheck: true,
};

/**
 * @param {Map<string, string>} files text by absolute path; a path may be one that doesn't exist on disk
 * @param {import('typescript').CompilerOptions} [options] differences from the strict nodenext settings
 * @returns {import('typescript').Program}
 */
function compile(files, options = {}) {
  const settings = { ...strict, ...options };
  const host = ts.createCompilerHost(settings);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.getSourceFile = (name, language, ...rest) =>
    files.has(name)
      ? ts.createSourceFile(name, files.get(name), language, true)
      : getSourceFile(name, language, ...rest);
  return ts.createProgram({ rootNames: [...files.keys()], options: settings, host });
}

/**
 * @param {import('typescript').Program} program
 * @param {string} file absolute path
 * @returns {string[]} `line: message` for each thing the compiler refuses in that file
 */
function complaints(program, file) {
  const source = program.getSourceFile(file);
  const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  return found.map(({ start, messageText }) => {
    const { line } = source.getLineAndCharacterOfPosition(start);
    return `${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

/** @returns {Map<string, string>} the files of a folder beside this one, text by absolute path */
function folder(name) {
  const directory = path.join(__dirname, name);
  return new Map(
    fs
      .readdirSync(directory)
      .sort()
      .map((file) => path.join(directory, file))
      .map((file) => [file, fs.readFileSync(file, 'utf8')]),
  );
}

module.exports = { ts, root, compile, complaints, folder };
