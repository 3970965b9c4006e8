import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { PipelineError } from '../errors.ts';
import { machineFault } from '../machine-fault.ts';
import { type Path, type Position, type Problem, problemsError } from './problems.ts';
import { checkFiles, checkReferences } from './references.ts';
import { checkShape } from './shape.ts';
import type { PipelineSpec } from './spec.ts';
import { parseYaml, withWrittenValues, type YamlSource } from './yaml-source.ts';

/** The checked contents of pipeline.yaml. */
export interface Pipeline {
  /** As given, for messages. */
  readonly file: string;
  /** Absolute path of the folder that paths in the file are relative to. */
  readonly root: string;
  readonly spec: PipelineSpec;
  readonly source: YamlSource;
  /** Returns the position of a value: of a scalar itself, of the key of a map or a list. */
  at(path: Path): Position;
}

/**
 * Reads and checks pipeline.yaml, and checks that the files it names exist. It loads none of them.
 * Throws one PipelineError for all problems, with the code of the first: CONFIG_SYNTAX, CONFIG_INVALID,
 * CONFIG_REFERENCE or CONFIG_CYCLE.
 */
export async function loadPipeline(file: string): Promise<Pipeline> {
  const root = dirname(resolve(file));
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const fault = machineFault(cause, file);
    if (fault !== cause) throw fault;
    const message = cause.code === 'ENOENT' ? 'the file does not exist' : `the file cannot be read: ${cause.message}`;
    throw new PipelineError('CONFIG_REFERENCE', message, { file, hint: 'run in the folder that contains it', cause });
  });
  const { source, spec, problems } = check(text);
  if (spec !== undefined) problems.push(...(await checkFiles(spec, source, root)));
  return pipelineOf(file, root, source, spec, problems);
}

/** Does the same for a text, without checking the files that it names. */
export function parsePipeline(text: string, options: { readonly file: string; readonly root: string }): Pipeline {
  const { source, spec, problems } = check(text);
  return pipelineOf(options.file, options.root, source, spec, problems);
}

interface CheckedText {
  readonly source: YamlSource;
  readonly spec: PipelineSpec | undefined;
  readonly problems: Problem[];
}

function check(text: string): CheckedText {
  const { source, problems } = parseYaml(text);
  // If a text is not YAML, the parts that could be read say little about what was meant.
  if (source.data === undefined) return { source, spec: undefined, problems };
  const shape = checkShape(source);
  problems.push(...shape.problems);
  if (shape.spec !== undefined) problems.push(...checkReferences(shape.spec, source));
  return { source, spec: shape.spec, problems };
}

function pipelineOf(
  file: string,
  root: string,
  source: YamlSource,
  spec: PipelineSpec | undefined,
  problems: readonly Problem[],
): Pipeline {
  if (spec === undefined || problems.length > 0) throw problemsError(file, problems);
  return Object.freeze({ file, root, spec: withWrittenValues(spec, source), source, at: source.at });
}
