import { runContract } from './contract.js';

runContract('nact');
runContract('plain');
