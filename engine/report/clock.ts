/** The reporters' source of time, which tests can control. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Calls `action` at this interval until the returned function is called. */
  readonly every: (milliseconds: number, action: () => void) => () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  every(milliseconds, action) {
    // A reporter must not keep the process alive.
    const timer = setInterval(action, milliseconds).unref();
    return () => clearInterval(timer);
  },
};
