using CsCheck;
using Xunit;

namespace VBackup.Portal.Tests.Policies;

/// <summary>That a property is able to fail.</summary>
static class Planted
{
    /// <summary>The property is found false; an exception of the planted code itself would be another thing.</summary>
    public static void IsFound(Action property) => Assert.Null(Assert.ThrowsAny<CsCheckException>(property).InnerException);
}
