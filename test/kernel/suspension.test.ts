import { describeSuspension } from '../cluster/suspension.ts';
import { startApi } from '../embedded-api/client.ts';

describeSuspension('the embedded API', null, async () => {
  const { api, client } = await startApi();
  return {
    access: api,
    close: async () => {
      client.close();
      await api.close();
    },
  };
});
