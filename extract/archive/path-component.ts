/** Names that Windows gives to devices, with any extension. */
const device = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsafe = /[\u0000-\u001f\u007f-\u009f<>:"/\\|?*%]|^\.|[. ]$/gu;

/**
 * `name` as one component of a path that stays where it is put, on every file system: what could leave the folder,
 * name a device or be refused is percent-encoded. Different names stay different, and names of symbols stay as they are.
 */
export function pathComponent(name: string): string {
  const encoded = name.replace(unsafe, percentEncode);
  if (encoded === '') return '%';
  return device.test(encoded) ? percentEncode(encoded.charAt(0)) + encoded.slice(1) : encoded;
}

const percentEncode = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join('');

/** The name that `pathComponent` encoded. */
export const nameOfPathComponent = (component: string): string =>
  component === '%' ? '' : decodeURIComponent(component);
