import { listServices } from './services.ts';

/** `floor-list.mjs CREDENTIALS`: one LIST, and nothing else. */

const [credentials = ''] = process.argv.slice(2);
const services = await listServices(credentials);
process.stdout.write(`${services.length} Services\n`);
