import { dumpRoutes } from './kernel.ts';
import { listServices } from './services.ts';

/** `floor-large.mjs CREDENTIALS`: the kernel's dumps and the LIST side by side, both parsed. */

const [credentials = ''] = process.argv.slice(2);
const [routes, services] = await Promise.all([dumpRoutes(), listServices(credentials)]);
process.stdout.write(`${routes.length} routes, ${services.length} Services\n`);
