import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Scalar,
  visit,
} from 'yaml';
import { hideInValue } from '../secrets.ts';
import type { Path, Position, Problem } from './problems.ts';
import type { PipelineSpec, TestSpec } from './spec.ts';

/** A parsed YAML text that knows the position of each of its values. */
export interface YamlSource {
  readonly data: unknown;
  /**
   * Where a reader looks for the value: at a scalar itself, at the key of a map or a list; what is absent is where it
   * would be. `offset` is that of a character of a scalar, which only a text on one line without escapes can tell.
   */
  at(path: Path, offset?: number): Position;
  /** Returns the position of the key that ends the path. */
  keyAt(path: Path): Position;
  /** Returns the value as written, cut to one line; empty if there is none, undefined if the key is missing. */
  textAt(path: Path): string | undefined;
  /** Returns a scalar's text as written, without its quotes: `007` and not 7. Undefined for anything else. */
  scalarAt(path: Path): string | undefined;
  /** True if the key that ends the path is in `{ }` without a value, like the rest of an unquoted text with a comma. */
  isStray(path: Path): boolean;
}

interface Place {
  /** Offsets of the source. */
  readonly key?: number;
  readonly value?: readonly [start: number, end: number];
  readonly isCollection: boolean;
  readonly inFlow: boolean;
  readonly found: boolean;
  readonly scalar?: Scalar;
}

/** Hides secrets before it cuts the text: in a URL that is cut, the user cannot be told from the host. */
const oneLine = (value: string, length = 60): string => {
  const text = hideInValue(value);
  const [line = ''] = text.trim().split('\n');
  return line.length < text.trim().length || line.length > length ? `${line.slice(0, length).trimEnd()} …` : line;
};

function locate(document: Document, path: Path): Place {
  let node: unknown = document.contents;
  let place = placeOf(document, undefined, node, false);
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    const inFlow = isCollection(node) && node.flow === true;
    if (isMap(node)) {
      const pair = node.items.findLast(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (pair === undefined) return { ...place, found: false };
      node = pair.value;
      place = placeOf(document, pair.key, node, inFlow);
    } else if (isSeq(node) && node.items[Number(part)] !== undefined) {
      node = node.items[Number(part)];
      place = placeOf(document, undefined, node, inFlow);
    } else return { ...place, found: false };
  }
  return place;
}

function placeOf(document: Document, key: unknown, node: unknown, inFlow: boolean): Place {
  const value = isAlias(node) ? node.resolve(document) : node;
  const start = isScalar(key) ? key.range?.[0] : undefined;
  const range = isScalar(node) || isCollection(node) || isAlias(node) ? node.range : undefined;
  return {
    ...(start !== undefined && { key: start }),
    ...(range && range[1] > range[0] && { value: [range[0], range[1]] as const }),
    isCollection: isCollection(node),
    inFlow,
    found: true,
    ...(isScalar(value) && { scalar: value }),
  };
}

/** Returns the text from the offset to the end of its line, or the whole line if the offset may be within a secret. */
function restOfLine(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const [line = ''] = text.slice(start).split('\n', 1);
  return hideInValue(line) === line ? line.slice(offset - start) : line;
}

/** Parses YAML 1.2; times stay texts. If there are syntax errors, the data is undefined. */
export function parseYaml(text: string): { source: YamlSource; problems: Problem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: 'error',
  });
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  // Later syntax errors are mostly consequences of the first one.
  const [syntax] = [...document.errors, ...document.warnings].filter(({ code }) => code !== 'DUPLICATE_KEY');
  const twice = document.errors.filter(({ code }) => code === 'DUPLICATE_KEY');
  const problems: Problem[] = [...(syntax ? [syntax] : []), ...twice].map(({ code, message, pos: [offset] }) => {
    const rest = oneLine(restOfLine(text, offset));
    const position = positionOf(offset);
    if (code === 'DUPLICATE_KEY') {
      const key = rest.replace(/\s*:(\s.*)?$/, '');
      return { code: 'CONFIG_INVALID', message: `duplicate key \`${key}\``, position };
    }
    return { code: 'CONFIG_SYNTAX', message: rest === '' ? message : `${message}: \`${rest}\``, position };
  });
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      problems.push({
        code: 'CONFIG_SYNTAX',
        message: `no anchor for the alias \`*${alias.source}\``,
        position: positionOf(alias.range?.[0] ?? 0),
      });
    },
  });
  const isReadable = problems.every(({ code }) => code !== 'CONFIG_SYNTAX');
  const source: YamlSource = {
    data: isReadable ? document.toJS() : undefined,
    at(path, offset = 0) {
      const { key, value, isCollection, scalar } = locate(document, path);
      const start = (isCollection ? (key ?? value?.[0]) : (value?.[0] ?? key)) ?? 0;
      const within = offset > 0 && value && scalar ? text.slice(...value).indexOf(String(scalar.value)) : -1;
      return positionOf(within < 0 ? start : start + within + offset);
    },
    keyAt(path) {
      const { key, value } = locate(document, path);
      return positionOf(key ?? value?.[0] ?? 0);
    },
    textAt(path) {
      const { value, found } = locate(document, path);
      if (!found) return undefined;
      return value === undefined ? '' : oneLine(text.slice(...value));
    },
    scalarAt(path) {
      const { scalar, found } = locate(document, path);
      if (!found || scalar === undefined) return undefined;
      return typeof scalar.value === 'string' ? scalar.value : scalar.source;
    },
    isStray(path) {
      const { value, inFlow, found } = locate(document, path);
      return found && inFlow && value === undefined;
    },
  };
  return { source, problems };
}

/**
 * Restores the values of tests as written. YAML turns `007` into 7 and rounds whole numbers beyond 2^53, but the
 * meaning of a text depends on the column that it is compared with (B31).
 */
export function withWrittenValues(spec: PipelineSpec, source: YamlSource): PipelineSpec {
  const models = Object.entries(spec.models).map(([name, model]) => {
    const tests = model.tests.map((test, index): TestSpec => {
      const at = (...path: readonly (string | number)[]) =>
        source.scalarAt(['models', name, 'tests', index, test.type, ...path]);
      if (test.type === 'accepted_values')
        return { ...test, values: test.values.map((value, place) => at('values', place) ?? value) };
      if (test.type !== 'range') return test;
      const { min, max } = test;
      return {
        ...test,
        ...(min !== undefined && { min: at('min') ?? min }),
        ...(max !== undefined && { max: at('max') ?? max }),
      };
    });
    return [name, { ...model, tests }];
  });
  return { ...spec, models: Object.fromEntries(models) };
}
