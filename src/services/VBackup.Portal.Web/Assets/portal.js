// What pages ask the browser and .NET cannot see.
window.vbackup = {
  timeZone: () => Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC",
};
