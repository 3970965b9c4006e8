type Row = Readonly<Record<string, string | null>>;

/** The differences between expected rows and actual ones. */
export interface RowDiff {
  readonly differing: readonly { readonly expected: Row; readonly found: Row; readonly columns: readonly string[] }[];
  readonly missing: readonly Row[];
  readonly unexpected: readonly Row[];
}

/**
 * Compares rows in any order, by the columns that the expected ones have. Of the rows that have no equal, those with the
 * same key belong together; if the key is not compared, those that differ least.
 */
export function diffRows(expected: readonly Row[], found: readonly Row[], key: readonly string[]): RowDiff {
  const columns = Object.keys(expected[0] ?? {});
  const textOf = (row: Row, names: readonly string[]) => JSON.stringify(names.map((name) => row[name]));
  const left = [...found];
  const take = (matches: (row: Row) => boolean): Row | undefined => {
    const at = left.findIndex(matches);
    return at === -1 ? undefined : left.splice(at, 1)[0];
  };
  const open = expected.filter((row) => take((other) => textOf(row, columns) === textOf(other, columns)) === undefined);

  const isKeyed = key.length > 0 && key.every((name) => columns.includes(name));
  const differing: { expected: Row; found: Row; columns: string[] }[] = [];
  const missing: Row[] = [];
  for (const row of open) {
    const differences = (other: Row) => columns.filter((name) => row[name] !== other[name]);
    const least = Math.min(...left.map((other) => differences(other).length));
    const other = take((one) =>
      isKeyed ? textOf(row, key) === textOf(one, key) : least < columns.length && differences(one).length === least,
    );
    if (other === undefined) missing.push(row);
    else differing.push({ expected: row, found: other, columns: differences(other) });
  }
  return { differing, missing, unexpected: left };
}

/** The differences as lines for a reader; none if there are none. */
export function describeDiff({ differing, missing, unexpected }: RowDiff, key: readonly string[]): readonly string[] {
  const cell = (value: string | null | undefined) => value ?? 'NULL';
  const textOf = (row: Row, names = Object.keys(row)) => names.map((name) => `${name}=${cell(row[name])}`).join(' ');
  const nameOf = (row: Row, columns: readonly string[]) => {
    const names = key.some((name) => columns.includes(name)) ? Object.keys(row) : key;
    return textOf(
      row,
      names.filter((name) => !columns.includes(name)),
    );
  };
  return [
    ...differing.flatMap(({ expected, found, columns }) => [
      `differs     ${nameOf(found, columns)}`,
      ...columns.map((name) => `            ${name}: expected ${cell(expected[name])}, got ${cell(found[name])}`),
    ]),
    ...missing.map((row) => `missing     ${textOf(row)}`),
    ...unexpected.map((row) => `unexpected  ${textOf(row)}`),
  ];
}
