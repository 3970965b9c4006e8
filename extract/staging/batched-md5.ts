import { hash } from 'node:crypto';
import { md5s } from '../kernel/kernel.ts';

/** The MD5 of bytes in hex, some time later. */
export type Md5 = (bytes: Buffer) => Promise<string>;

/** Bytes; larger ones would take much of the kernel's memory. */
const largest = 256 * 1024;
const mostAtOnce = 16;
/** For fewer at once the kernel is not faster. */
const fewest = 3;

interface Asked {
  readonly bytes: Buffer;
  readonly answer: (digest: string) => void;
}

/**
 * Answers all who ask in one turn of the event loop together, and after it: what else has come is read, and the next
 * requests are on their way, before a thread is busy with any of it.
 */
export function createMd5(): Md5 {
  let waiting: Asked[] = [];

  function answerAll(): void {
    const asked = waiting;
    waiting = [];
    const small = asked.filter(({ bytes }) => bytes.length <= largest);
    const large = asked.filter(({ bytes }) => bytes.length > largest);
    for (const one of large) one.answer(hash('md5', one.bytes));
    for (let at = 0; at < small.length; at += mostAtOnce) answerTogether(small.slice(at, at + mostAtOnce));
  }
  return (bytes) =>
    new Promise((answer) => {
      if (waiting.push({ bytes, answer }) === 1) setImmediate(answerAll);
    });
}

function answerTogether(asked: readonly Asked[]): void {
  const digests =
    asked.length < fewest ? asked.map(({ bytes }) => hash('md5', bytes)) : md5s(asked.map(({ bytes }) => bytes));
  for (const [i, { answer }] of asked.entries()) answer(digests[i] as string);
}
