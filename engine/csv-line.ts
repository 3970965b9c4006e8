type CsvValue = string | number | null;

/** RFC 4180; NULL is an empty unquoted field, the empty string a quoted one. */
export function csvLine(values: readonly CsvValue[]): string {
  return `${values.map(csvField).join(',')}\n`;
}

const needsQuotes = /[",\r\n]|^$|^\s|\s$/;
const csvField = (value: CsvValue): string => {
  if (value === null) return '';
  const text = String(value);
  return needsQuotes.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
