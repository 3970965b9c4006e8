/**
 * Digits with at most one point between them and, rarely, an exponent (A34). A minus is part of it, so that a negative
 * value is named as one. Underscores, blanks, hexadecimal, `+1`, `.5`, `nan` and `inf` are no numbers of the archive.
 */
const grammar = /^-?\d+(\.\d+)?([Ee]-?\d+)?$/;

/** The double nearest to a published text; NaN where the text is no number of the archive. */
export const publishedNumber = (text: string): number => (grammar.test(text) ? Number(text) : Number.NaN);
