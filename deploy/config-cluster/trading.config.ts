/** What the nodes of `docker compose --profile cluster` trade: the same as a node at home. */
export { default } from '../../trading.config.js';
