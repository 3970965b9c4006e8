export { inflateRaw } from './inflate';
export { md5 } from './md5';
export { firstOpenTime, lastOpenTime, rowCount, scanRows, slotsByDay } from './rows';

/** The memory from here on is free. */
export const heap: usize = __heap_base;
