import { parentPort, workerData } from 'node:worker_threads';
import { surveyStaged } from './survey.ts';

parentPort?.postMessage(surveyStaged(workerData as string));
