import { hostFeed } from './feed-host.js';

/** The program of a process that runs one feed. It is told by its parent which, and ends with it. */
hostFeed();
