/** Time as the reporters see it, so that a test can drive it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Calls `action` every so many milliseconds, until the function that it returns is called. */
  readonly every: (milliseconds: number, action: () => void) => () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  every(milliseconds, action) {
    // A report alone keeps no process alive.
    const timer = setInterval(action, milliseconds).unref();
    return () => clearInterval(timer);
  },
};
