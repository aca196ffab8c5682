// Loads the page again when a mail has come. A mail that was chosen stays shown.
const shown = document.body.dataset.newest;

setInterval(async () => {
  const response = await fetch("/newest.txt").catch(() => null);
  if (response?.ok && (await response.text()) !== shown) location.reload();
}, 2000);
