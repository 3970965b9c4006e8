/** `"name"`, with inner quotes doubled. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Lowercases ASCII letters only: DuckDB treats names that differ only in their case as equal. */
export const lowerCase = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** Returns the wanted name if it is free, or a variant that is not taken. */
export function freeName(wanted: string, taken: Iterable<string>): string {
  const names = new Set([...taken].map(lowerCase));
  let name = wanted;
  while (names.has(lowerCase(name))) name = `${name}_`;
  return name;
}

/** `'text'`, with inner quotes doubled. */
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** `TIMESTAMP '2025-07-10 09:00:00.000'`, UTC. */
export const timestampLiteral = (time: Date): string =>
  `TIMESTAMP ${quoteText(time.toISOString().replace('T', ' ').replace('Z', ''))}`;

/** How SQL reads the run's clock; the result of SQL that contains this text may change with time alone. */
export const clockSql = "getvariable('as_of')";
