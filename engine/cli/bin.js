#!/usr/bin/env node
/** The command of the installed package: `engine/start.js` on the compiled main module. */
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

argv.splice(2, 0, fileURLToPath(new URL('./main.js', import.meta.url)));
await import('../start.js');
