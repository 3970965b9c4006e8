import type { Socket } from 'node:net';
import { buildConnector } from 'undici';

/** Bytes; what Node takes itself for a read. */
const readSize = 64 * 1024;

/**
 * Connections that read into one buffer again and again: a chunk of an answer is good until the handler that is given it
 * returns. Node makes a buffer for each read otherwise, memory outside of the heap, and so much of it made V8 look through
 * the whole heap after every 250 archives of 70 KB.
 */
export function createConnector(settings: buildConnector.BuildOptions): buildConnector.connector {
  return (options, done) => {
    const buffer = Buffer.allocUnsafeSlow(readSize);
    let socket: Socket | null = null;
    const onread = {
      buffer,
      callback(size: number): boolean {
        socket?.push(buffer.subarray(0, size));
        // Nothing more is read until undici asks for it, which it does when it parses this.
        return false;
      },
    };
    buildConnector({ ...settings, onread })(options, (...answer) => {
      [, socket] = answer;
      done(...answer);
    });
  };
}
