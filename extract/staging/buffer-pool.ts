/** Buffers that are used again. It keeps as many as were ever out at once. */
export interface BufferPool {
  /** One of at least this size, with whatever was in it. */
  take(size: number): Buffer;
  /** For the next one who asks; the giver may not look at it any more. */
  giveBack(buffer: Buffer): void;
}

const smallest = 4096;

/** In sizes of powers of two, so that any archive finds one that another of about its size has left. */
export function createBufferPool(): BufferPool {
  const free = new Map<number, Buffer[]>();
  return {
    take(size) {
      const rounded = 2 ** Math.ceil(Math.log2(Math.max(smallest, size)));
      return free.get(rounded)?.pop() ?? Buffer.allocUnsafeSlow(rounded);
    },
    giveBack(buffer) {
      const others = free.get(buffer.length);
      if (others === undefined) free.set(buffer.length, [buffer]);
      else others.push(buffer);
    },
  };
}
