/** What the kernel needs of WebAssembly, which is otherwise typed with all of the DOM. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: unknown;
  }
  interface Memory {
    /** Another one after `grow`. */
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  interface Global<T> {
    readonly value: T;
  }
}
