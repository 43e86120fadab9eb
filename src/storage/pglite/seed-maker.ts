import { PGlite } from '@electric-sql/pglite';
import { PGLITE_CONFIG } from './protocol.js';

/**
 * Makes an empty cluster in the folder given as argument and ends. A process of its own, because initialising takes several
 * seconds and about 800 MB that would never be given back.
 */
const db = await PGlite.create({ dataDir: process.argv[2] ?? '', postgresqlconf: PGLITE_CONFIG });
await db.close();
process.exit(0);
