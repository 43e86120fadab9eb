/** What the node of docker-compose.yml trades: the same as a node at home. */
export { default } from '../../trading.config.js';
